import type { Broker } from '@platformatic/kafka'
import type { Commit } from '../../ports/log.ts'
import type { Share } from './batching.ts'
import type { Cluster } from './cluster.ts'
import type { Connections } from './connections.ts'
import { meaningOf } from './errors.ts'
import { type GroupIdentity, toRequestTopics } from './group-offsets.ts'
import { type PartitionBatch, produce } from './produce.ts'
import { encodeBatch } from './record-batch.ts'

/** Who a producer is to the brokers. A new epoch fences what was sent with the ones before. */
export interface ProducerIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** Batches that are on their way at once: what each broker keeps the order of. */
const maxRounds = 5

/**
 * The requests of one producer's transactions. Each stands for itself, nothing is tried again here: what fails half way
 * is ended by a new epoch.
 */
export class TransactionRequests {
  readonly #cluster: Cluster
  readonly #connections: Connections
  readonly #id: string
  /** How many records of the present epoch each partition has been sent. */
  readonly #sequences = new Map<string, number>()

  constructor(cluster: Cluster, connections: Connections, id: string) {
    this.#cluster = cluster
    this.#connections = connections
    this.#id = id
  }

  /**
   * Takes over from whoever has the id, whose open transaction is aborted. An epoch is left out before the new one: so the
   * epoch after one in use is never another producer's, but the one the brokers abort a transaction with that is over its time.
   */
  async takeOver(): Promise<ProducerIdentity> {
    const before = await this.#identify(null)
    const identity = await this.#identify(null)
    const next = before.producerId === identity.producerId && before.producerEpoch + 1 === identity.producerEpoch
    // Another has come between, which does the same at this moment: one of the two is to be the later.
    if (!next) throw new this.#cluster.client.ProtocolError('CONCURRENT_TRANSACTIONS')
    return identity
  }

  /** Goes on with a new epoch, unless another has taken over meanwhile; the transaction before must have ended. */
  renew(current: ProducerIdentity): Promise<ProducerIdentity> {
    return this.#identify(current)
  }

  /** Goes on after being fenced, unless another has taken over: the brokers aborted what was over its time. */
  resume({ producerId, producerEpoch }: ProducerIdentity): Promise<ProducerIdentity> {
    return this.#identify({ producerId, producerEpoch: producerEpoch + 1 })
  }

  /** Begins a transaction by saying what it will write to. */
  async announce(identity: ProducerIdentity, shares: readonly Share[], groups: readonly string[]): Promise<void> {
    const { client } = this.#cluster
    const coordinator = await this.#coordinator()
    const partitions = Map.groupBy(shares, share => share.topic)
    const topics = [...partitions].map(([name, shares]) => ({ name, partitions: shares.map(each => each.partition) }))
    const requests: Promise<unknown>[] = groups.map(group =>
      this.#connections.send(
        coordinator,
        client.addOffsetsToTxnV3.api,
        this.#id,
        identity.producerId,
        identity.producerEpoch,
        group,
      ),
    )
    if (topics.length > 0) {
      const transaction = { transactionalId: this.#id, ...identity, topics, verifyOnly: false }
      requests.push(this.#connections.send(coordinator, client.addPartitionsToTxnV3.api, [transaction]))
    }
    await allSettled(requests)
  }

  /** Returns the offset of each share's first record; the others follow it. */
  async write(identity: ProducerIdentity, shares: readonly Share[]): Promise<number[]> {
    const baseOffsets = shares.map(() => -1)
    const rounds = Math.max(0, ...shares.map(share => share.batches.length))
    const sent: Promise<void>[] = []
    for (let round = 0; round < rounds; round++) {
      const batches = shares.flatMap((share, index) => {
        const batch = share.batches[round]
        return batch === undefined ? [] : [{ index, batch: this.#encode(identity, share, batch) }]
      })
      const leaders = new Map<string, { leader: Broker; batches: typeof batches }>()
      for (const each of batches) {
        const leader = await this.#cluster.leader(each.batch.topic, each.batch.partition)
        const address = `${leader.host}:${leader.port}`
        const entry = leaders.get(address) ?? { leader, batches: [] }
        entry.batches.push(each)
        leaders.set(address, entry)
      }
      for (const { leader, batches } of leaders.values()) {
        const request = this.#send(leader, batches, baseOffsets)
        // It is waited for below; until then its failure must not count as unhandled.
        request.catch(() => {})
        sent.push(request)
      }
      if (sent.length >= maxRounds) await sent[sent.length - maxRounds]
    }
    await allSettled(sent)
    return baseOffsets
  }

  /** @param member a broker refuses the commits of one that another generation of the group has replaced (KIP-447) */
  async commitOffsets(
    { producerId, producerEpoch }: ProducerIdentity,
    group: string,
    member: GroupIdentity,
    commits: readonly Commit[],
  ): Promise<void> {
    const { client } = this.#cluster
    await this.#connections.send(
      await this.#cluster.coordinator('group', group),
      client.txnOffsetCommitV3.api,
      this.#id,
      group,
      producerId,
      producerEpoch,
      member.generation,
      member.memberId,
      null,
      toRequestTopics(commits),
    )
  }

  commit(identity: ProducerIdentity): Promise<void> {
    return this.#end(identity, true)
  }

  /** Does nothing if no transaction is open. */
  async abort(identity: ProducerIdentity): Promise<void> {
    try {
      await this.#end(identity, false)
    } catch (thrown) {
      if (meaningOf(thrown)?.name !== 'INVALID_TXN_STATE') throw thrown
    }
  }

  /** @param current accepted if it is the newest, or was until the answer to this very request was lost */
  async #identify(current: ProducerIdentity | null): Promise<ProducerIdentity> {
    const { client, settings } = this.#cluster
    const { producerId, producerEpoch } = await this.#connections.send(
      await this.#coordinator(),
      client.initProducerIdV4.api,
      this.#id,
      settings.transactionTimeoutMs,
      current?.producerId ?? -1n,
      current?.producerEpoch ?? -1,
    )
    this.#sequences.clear()
    return { producerId, producerEpoch }
  }

  async #end({ producerId, producerEpoch }: ProducerIdentity, commit: boolean): Promise<void> {
    const { client } = this.#cluster
    const coordinator = await this.#coordinator()
    await this.#connections.send(coordinator, client.endTxnV3.api, this.#id, producerId, producerEpoch, commit)
  }

  #coordinator(): Promise<Broker> {
    return this.#cluster.coordinator('transaction', this.#id)
  }

  #encode(identity: ProducerIdentity, share: Share, records: Share['batches'][number]): PartitionBatch {
    const { client, clock } = this.#cluster
    const { topic, partition } = share
    const place = `${topic}[${partition}]`
    const sequence = this.#sequences.get(place) ?? 0
    // Sequences wrap to 0 after the largest number of 31 bits.
    this.#sequences.set(place, (sequence + records.length) % 2 ** 31)
    const bytes = encodeBatch(records, { ...identity, sequence }, Math.trunc(clock.now()), client.crc32c)
    return { topic, partition, count: records.length, bytes }
  }

  async #send(
    leader: Broker,
    batches: readonly { index: number; batch: PartitionBatch }[],
    baseOffsets: number[],
  ): Promise<void> {
    const { client, settings } = this.#cluster
    const timeoutMs = settings.connection.requestTimeout
    const answer = await produce(
      client,
      this.#connections,
      leader,
      this.#id,
      timeoutMs,
      batches.map(each => each.batch),
    )
    for (const { name, partitionResponses } of answer.responses) {
      for (const { index: partition, baseOffset } of partitionResponses) {
        const { index } = batches.find(each => each.batch.topic === name && each.batch.partition === partition)!
        if (baseOffsets[index] === -1) baseOffsets[index] = Number(baseOffset)
      }
    }
  }
}

/** Waits for all of them, so that nothing is on its way any more; then fails as the gravest of those that failed. */
export async function allSettled(requests: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(requests)
  const failures = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
  if (failures.length === 0) return
  throw failures.find(failure => meaningOf(failure)?.transient !== true) ?? failures[0]
}
