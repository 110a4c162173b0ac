import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, ConnectionPool, consumerGroupDescribeV0, fetchV12, listOffsetsV6 } from '@platformatic/kafka'
import cassandra from 'cassandra-driver'
import { userColumns } from './sent-record.ts'

/** A record as the broker has it. */
export interface TopicRecord {
  readonly partition: number
  readonly offset: number
  /** Milliseconds since 1970 UTC: when the broker appended it. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: ReadonlyMap<string, Buffer>
}

/** A user's row. */
export interface TableRow {
  readonly id: string
  readonly values: { readonly [column: string]: string | null }
  /** WRITETIME of every column that has a value and is not the key. */
  readonly versions: readonly number[]
}

export interface GroupState {
  /** `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Assigning`, `Reconciling`, `Empty`, `Dead`. */
  readonly state: string
  /** By the name it gave itself, `<host>.<pid>`. */
  readonly members: readonly { readonly name: string; readonly partitions: readonly number[] }[]
}

export interface ReaderOptions {
  /** `host:port` of a broker: the leader of every partition. */
  readonly brokers: string
  /** `host:port` of a node. */
  readonly contactPoint: string
}

/** What a stage's surroundings look like to programs that know nothing of Millrace, through bare clients. */
export class Readers {
  readonly #admin: Admin
  readonly #pool: ConnectionPool
  readonly #broker: { readonly host: string; readonly port: number }
  readonly #cassandra: cassandra.Client

  constructor({ brokers, contactPoint }: ReaderOptions) {
    const [host, port] = brokers.split(':')
    this.#broker = { host: host!, port: Number(port) }
    this.#admin = new Admin({ clientId: 'reader', bootstrapBrokers: [brokers], retries: 20, retryDelay: 250 })
    this.#pool = new ConnectionPool('reader', { requestTimeout: 30_000 })
    this.#cassandra = new cassandra.Client({
      contactPoints: [contactPoint],
      localDataCenter: 'datacenter1',
      encoding: { useBigIntAsLong: true },
      socketOptions: { readTimeout: 65_000 },
      queryOptions: { consistency: cassandra.types.consistencies.localQuorum, prepare: true },
    })
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#admin.close(), this.#pool.close(), this.#cassandra.shutdown()])
  }

  /** Where each partition ends for a reader of committed records, by partition. */
  async ends(topic: string, partitions: number): Promise<number[]> {
    const connection = await this.#pool.get(this.#broker)
    const latest = -1n
    const wanted = Array.from({ length: partitions }, (_, partitionIndex) => ({
      ...{ partitionIndex, currentLeaderEpoch: -1, timestamp: latest },
    }))
    const answer = await listOffsetsV6.api.async(connection, -1, readCommitted, [{ name: topic, partitions: wanted }])
    const ends = new Array<number>(partitions).fill(0)
    for (const { partitionIndex, offset } of answer.topics[0]!.partitions) ends[partitionIndex] = Number(offset)
    return ends
  }

  /** Committed records of a partition from an offset to its end, and where that is. */
  async read(topic: string, partition: number, from: number): Promise<{ records: TopicRecord[]; next: number }> {
    const records: TopicRecord[] = []
    let next = from
    for (;;) {
      const fetched = await this.#fetch(topic, partition, next)
      const batches = fetched.records ?? []
      const last = batches.at(-1)
      if (last === undefined) return { records, next }
      records.push(...committed(partition, next, batches, fetched.abortedTransactions ?? []))
      next = Number(last.firstOffset) + last.lastOffsetDelta + 1
    }
  }

  /**
   * As `read`, of everything that is there now, also of transactions that end a moment later: a commit of one may be seen
   * before its records. @throws if one is still open after 80 s: what a killed process leaves open, brokers end after 20 s and up to 10 s more
   */
  async readSettled(topic: string, partition: number, from: number): Promise<{ records: TopicRecord[]; next: number }> {
    const { highWatermark } = await this.#fetch(topic, partition, from)
    const records: TopicRecord[] = []
    let next = from
    for (const deadline = performance.now() + 80_000; next < highWatermark; ) {
      const more = await this.read(topic, partition, next)
      records.push(...more.records)
      next = more.next
      if (performance.now() > deadline) throw new Error(`${topic}[${partition}] has an open transaction at ${next}.`)
      if (next < highWatermark) await sleep(20)
    }
    return { records, next }
  }

  /** What a group has committed, by partition; nothing of a partition for which it has committed nothing. */
  async committed(group: string, topic: string): Promise<Map<number, number>> {
    const [found] = await this.#admin.listConsumerGroupOffsets({ groups: [group] })
    const partitions = found?.topics.find(({ name }) => name === topic)?.partitions ?? []
    return new Map(
      partitions
        .filter(({ committedOffset }) => committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)]),
    )
  }

  async group(group: string): Promise<GroupState> {
    const found = (await this.#admin.describeGroups({ groups: [group] })).get(group)
    // So brokers call a group of the newer protocol, when they are asked about one of the classic one.
    if (found === undefined || String(found.state).toUpperCase() === 'DEAD') return await this.#consumerGroup(group)
    const members = [...(found?.members.values() ?? [])].map(({ metadata, assignments }) => {
      const { member } = JSON.parse(String(metadata?.metadata ?? '{}')) as { member?: string }
      return { name: member ?? '', partitions: [...(assignments?.values() ?? [])].flatMap(each => each.partitions) }
    })
    return { state: String(found?.state), members }
  }

  async #consumerGroup(group: string): Promise<GroupState> {
    const connection = await this.#pool.get(this.#broker)
    const answer = await consumerGroupDescribeV0.api.async(connection, [group], false).catch(() => null)
    const members = (answer?.groups[0]?.members ?? []).map(({ memberId, assignment }) => ({
      // A UUID follows the name.
      name: memberId.slice(0, -37),
      partitions: assignment.topicPartitions.flatMap(each => each.partitions),
    }))
    return { state: answer?.groups[0]?.groupState ?? 'Dead', members }
  }

  /** Every row of the table of users. */
  async rows(): Promise<Map<string, TableRow>> {
    const rows = new Map<string, TableRow>()
    const result = await this.#cassandra.execute(selectUsers, [], { fetchSize: 2_000 })
    for await (const row of result) {
      const each = toTableRow(row)
      rows.set(each.id, each)
    }
    return rows
  }

  /** The rows of these ids that exist. */
  async rowsOf(ids: Iterable<string>): Promise<Map<string, TableRow>> {
    const rows = new Map<string, TableRow>()
    const rest = [...new Set(ids)]
    const work = async () => {
      while (rest.length > 0) {
        const found = await this.#cassandra.execute(`${selectUsers} WHERE id IN ?`, [rest.splice(0, 100)])
        for (const row of found.rows) rows.set(String(row.get('id')), toTableRow(row))
      }
    }
    await Promise.all(Array.from({ length: 4 }, work))
    return rows
  }

  async #fetch(topic: string, partition: number, from: number): Promise<Fetched> {
    const connection = await this.#pool.get(this.#broker)
    const position = { partition, currentLeaderEpoch: -1, fetchOffset: BigInt(from), lastFetchedEpoch: -1 }
    const topics = [{ topicId: topic, partitions: [{ ...position, partitionMaxBytes: fetchBytes }] }]
    const answer = await fetchV12.api.async(connection, 0, 0, fetchBytes, readCommitted, 0, -1, topics, [], '')
    return answer.responses[0]!.partitions[0]!
  }
}

type Fetched = Awaited<ReturnType<typeof fetchV12.api.async>>['responses'][number]['partitions'][number]

const readCommitted = 1
const fetchBytes = 8 * 1024 * 1024
/** Bits of a batch's attributes. */
const appendTime = 0x08
const transactional = 0x10
const control = 0x20

/** Without those of aborted transactions, and without the marks of the ends of transactions. */
function committed(
  partition: number,
  from: number,
  batches: NonNullable<Fetched['records']>,
  aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[],
): TopicRecord[] {
  const records: TopicRecord[] = []
  const aborting = new Set<bigint>()
  const rest = aborted.toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
  for (const batch of batches) {
    const { attributes, producerId, firstOffset } = batch
    while (rest.length > 0 && rest[0]!.firstOffset <= firstOffset) aborting.add(rest.shift()!.producerId)
    if (attributes & control) {
      aborting.delete(producerId)
      continue
    }
    if (attributes & transactional && aborting.has(producerId)) continue
    for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
      const offset = Number(firstOffset) + offsetDelta
      if (offset < from) continue
      const timestamp = attributes & appendTime ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta
      records.push({
        ...{ partition, offset, key, value },
        timestamp: Number(timestamp),
        headers: new Map(headers.map(([name, value]) => [String(name), value ?? Buffer.alloc(0)])),
      })
    }
  }
  return records
}

const fields = userColumns.filter(column => column !== 'id')
const selectUsers = `SELECT ${userColumns.join(', ')}, ${fields.map(column => `WRITETIME(${column})`).join(', ')} FROM spark_streams.created_users`

function toTableRow(row: cassandra.types.Row): TableRow {
  const text = (column: string) => (row.get(column) === null ? null : String(row.get(column)))
  return {
    id: String(row.get('id')),
    values: Object.fromEntries(userColumns.map(column => [column, text(column)])),
    versions: fields.flatMap(column => {
      const version = row.get(`writetime(${column})`) as bigint | null
      return version === null ? [] : [Number(version)]
    }),
  }
}
