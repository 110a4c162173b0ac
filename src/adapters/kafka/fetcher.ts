import type { Broker } from '@platformatic/kafka'
import type { LogRecord } from '../../ports/log.ts'
import type { Cluster } from './cluster.ts'
import { batchCodec } from './codec.ts'
import type { Connections } from './connections.ts'
import { isTransient, meaningOf } from './errors.ts'
import { FailureNote } from './failure-note.ts'
import { type FetchedPartition, fetchRecords } from './fetch.ts'
import { type BatchCodec, endOfBatches, RecordCursor, type TakeLimits } from './record-cursor.ts'
import { Wakeup } from './wakeup.ts'

/** How long a broker waits for something new while it is asked for all partitions, in milliseconds. */
const waitMs = 500
/** And while some have enough, which join the next request as soon as it is answered. */
const shortWaitMs = 50
/** Fetched pieces of a partition that may be in memory: one that is read, and the next. */
const maxPieces = 2
const leastBytes = 64 * 1024
const pauseMs = 100

/** Where a partition is read. A `start` at another offset makes a new one, so that late answers find nobody. */
interface Position {
  readonly partition: number
  readonly pieces: RecordCursor[]
  /** The first offset not fetched yet. */
  fetchOffset: number
  /** Of what is readable, as the broker said last. */
  end: number
  /** Outside of what the log has. */
  outOfRange: boolean
  fetching: boolean
}

export interface TakenRecords {
  readonly partition: number
  readonly records: readonly LogRecord[]
  readonly next: number
  readonly end: number
}

/**
 * Fetches partitions of one topic ahead of the reader: one request at a time for each leader, for all of its partitions
 * that have room. What is in memory and on its way stays below `maxBytes`, but for a batch that is larger by itself.
 */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #topic: string
  readonly #maxBytes: number
  readonly #connections: Connections
  readonly #codec: BatchCodec
  readonly #onChange: () => void
  readonly #wakeup: Wakeup
  readonly #failure: FailureNote
  readonly #busy = new Set<string>()
  readonly #running: Promise<void>
  /** In the order of their turns: the one that was served last comes last. */
  #positions: Position[] = []
  /** Bytes that requests under way may bring. */
  #reserved = 0
  #closed = false

  constructor(cluster: Cluster, topic: string, maxBytes: number, onChange: () => void) {
    this.#cluster = cluster
    this.#topic = topic
    this.#maxBytes = maxBytes
    this.#connections = cluster.connect()
    this.#codec = batchCodec(cluster.client)
    this.#onChange = onChange
    this.#wakeup = new Wakeup(cluster.clock)
    this.#failure = new FailureNote(cluster, `read ${topic}`, topic)
    this.#running = this.#run()
  }

  start(partition: number, offset: number): void {
    this.stop(partition)
    this.#positions.push({ partition, pieces: [], fetchOffset: offset, end: -1, outOfRange: false, fetching: false })
    this.#wakeup.wake()
  }

  stop(partition: number): void {
    this.#positions = this.#positions.filter(each => each.partition !== partition)
    this.#wakeup.wake()
  }

  /** A partition that cannot be read on from where it is, and that offset; null if there is none. */
  outOfRange(): { readonly partition: number; readonly offset: number } | null {
    const position = this.#positions.find(each => each.outOfRange && each.pieces.length === 0)
    return position === undefined ? null : { partition: position.partition, offset: position.fetchOffset }
  }

  /** Why nothing can be fetched, if that is so for long or for good. */
  takeFailure(): unknown {
    return this.#failure.take()
  }

  /**
   * What is here of the partition whose turn it is; null if nothing is. There are no records where all that was fetched are
   * markers and what was aborted. @throws MillraceError `LOG_CORRUPT`.
   */
  take(limits: TakeLimits): TakenRecords | null {
    for (const position of this.#positions) {
      const taken = this.#takeFrom(position, limits)
      if (taken === null) continue
      this.#positions = [...this.#positions.filter(each => each !== position), position]
      return taken
    }
    return null
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#positions = []
    this.#wakeup.wake()
    await this.#connections.close()
    await this.#cluster.briefly(this.#running)
  }

  #takeFrom(position: Position, limits: TakeLimits): TakenRecords | null {
    const { pieces, partition, end } = position
    let passed: TakenRecords | null = null
    for (let piece = pieces[0]; piece !== undefined; piece = pieces[0]) {
      const records = piece.take(limits)
      passed = { partition, records, next: piece.offset, end }
      if (piece.exhausted) {
        pieces.shift()
        this.#wakeup.wake()
      }
      if (records.length > 0) break
    }
    return passed
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#startRequests()
        await this.#wakeup.wait(60_000)
      } catch (thrown) {
        await this.#onFailure(thrown)
      }
    }
  }

  async #startRequests(): Promise<void> {
    const wanting = this.#positions.filter(each => !each.fetching && !each.outOfRange && each.pieces.length < maxPieces)
    const leaders = new Map<string, { leader: Broker; positions: Position[] }>()
    for (const position of wanting) {
      const leader = await this.#cluster.leader(this.#topic, position.partition)
      const address = `${leader.host}:${leader.port}`
      const entry = leaders.get(address) ?? { leader, positions: [] }
      entry.positions.push(position)
      leaders.set(address, entry)
    }
    for (const [address, { leader, positions }] of leaders) {
      // Some may have been stopped while their leader was looked up.
      const started = positions.filter(each => this.#positions.includes(each))
      if (started.length > 0 && !this.#busy.has(address)) this.#request(address, leader, started)
    }
  }

  #request(address: string, leader: Broker, positions: readonly Position[]): void {
    const room = this.#maxBytes - this.#reserved - this.#bufferedBytes()
    if (room < leastBytes && this.#reserved + this.#bufferedBytes() > 0) return
    const share = Math.max(leastBytes, Math.floor(this.#maxBytes / maxPieces / this.#positions.length))
    const maxBytes = Math.max(leastBytes, Math.min(room, share * positions.length))
    this.#busy.add(address)
    this.#reserved += maxBytes
    for (const position of positions) position.fetching = true
    const others = this.#positions.length > positions.length
    const fetched = fetchRecords(
      this.#cluster.client,
      this.#connections,
      leader,
      this.#topic,
      positions.map(({ partition, fetchOffset }) => ({ partition, offset: fetchOffset, maxBytes: share })),
      { waitMs: others ? shortWaitMs : waitMs, maxBytes },
    )
    void fetched
      .then(answers => this.#accept(answers, positions))
      .catch(thrown => this.#onFailure(thrown))
      .finally(() => {
        this.#busy.delete(address)
        this.#reserved -= maxBytes
        for (const position of positions) position.fetching = false
        this.#wakeup.wake()
      })
  }

  async #accept(answers: readonly FetchedPartition[], positions: readonly Position[]): Promise<void> {
    let failed: unknown = null
    for (const answer of answers) {
      const position = positions.find(each => each.partition === answer.partition)
      if (position === undefined || !this.#positions.includes(position)) continue
      if (answer.errorCode !== 0) {
        const error = new this.#cluster.client.ProtocolError(answer.errorCode)
        if (meaningOf(error)?.code === 'OFFSET_OUT_OF_RANGE') position.outOfRange = true
        else failed = error
        continue
      }
      position.end = answer.lastStableOffset
      const fetchedTo = endOfBatches(answer.records)
      if (fetchedTo === null) continue
      const place = `${this.#topic}[${answer.partition}]`
      position.pieces.push(new RecordCursor(answer.records, position.fetchOffset, answer.aborted, this.#codec, place))
      position.fetchOffset = Math.max(position.fetchOffset, fetchedTo)
    }
    this.#onChange()
    if (failed !== null) throw failed
    this.#failure.clear()
  }

  async #onFailure(thrown: unknown): Promise<void> {
    if (this.#closed) return
    if (meaningOf(thrown)?.stale === true || isTransient(thrown)) this.#cluster.forget()
    this.#failure.note(thrown)
    this.#onChange()
    await this.#cluster.clock.sleep(pauseMs)
  }

  #bufferedBytes(): number {
    let bytes = 0
    for (const { pieces } of this.#positions) for (const piece of pieces) bytes += piece.bytes
    return bytes
  }
}
