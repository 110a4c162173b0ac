import type { Batch, NextOptions, Subscription, SubscriptionEvent } from '../../ports/log.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { endAbandoned } from './abandoned.ts'
import { type Cluster, closedError } from './cluster.ts'
import { nextEpoch } from './epochs.ts'
import { meaningOf, toMillraceError } from './errors.ts'
import { Fetcher } from './fetcher.ts'
import { type GroupMembers, partitionLost } from './group-members.ts'
import {
  commitOffsets,
  fetchStored,
  type GroupProtocolName,
  type OffsetCommit,
  type StoredOffset,
  toCommit,
} from './group-offsets.ts'
import { Membership, type MembershipOptions, type OwnedPartition } from './membership.ts'
import { rangesOf } from './partition-offsets.ts'
import { speak } from './protocol-choice.ts'
import { Wakeup } from './wakeup.ts'

export const defaultDrainTimeoutMs = 5_000
export const defaultMaxBufferedBytes = 8 * 1024 * 1024
/** How long a transaction may take to end once it is told to, in milliseconds, before it is looked whether anybody will. */
const endingMs = 500
/** Failures that pass, rebalances among them, that one commit outlasts: about two seconds of them. */
const maxCommitFailures = 10

interface SubscriptionSettings extends MembershipOptions {
  readonly maxBufferedBytes: number
}

export class KafkaSubscription implements Subscription {
  readonly #cluster: Cluster
  readonly #options: SubscriptionSettings
  readonly #members: GroupMembers
  readonly #membership: Membership
  readonly #fetcher: Fetcher
  readonly #wakeup: Wakeup
  readonly #closing = new AbortController()
  /** Partitions told of as assigned, with the epoch. */
  readonly #assigned = new Map<number, number>()
  /** Partitions told of as asked back. */
  readonly #revoking = new Set<number>()

  constructor(cluster: Cluster, members: GroupMembers, protocol: GroupProtocolName, options: SubscriptionSettings) {
    this.#cluster = cluster
    this.#members = members
    this.#options = options
    this.#wakeup = new Wakeup(cluster.clock)
    const wake = () => this.#wakeup.wake()
    this.#membership = new Membership(cluster, speak(protocol, cluster, options), options, wake)
    members.add(this.#membership)
    this.#fetcher = new Fetcher(cluster, options.topic, options.maxBufferedBytes, wake)
  }

  async next(options: NextOptions): Promise<SubscriptionEvent> {
    const { clock } = this.#cluster
    const startedAt = clock.elapsed()
    for (;;) {
      options.signal?.throwIfAborted()
      this.#requireOpen()
      const event = this.#change() ?? (await this.#assignment()) ?? (await this.#batch(options))
      if (event !== null) return event
      const left = options.waitMs - (clock.elapsed() - startedAt)
      if (left <= 0) return { kind: 'idle' }
      await this.#wakeup.wait(left, options.signal)
    }
  }

  seek(partition: number, offset: number): void {
    const owned = this.#membership.owned.get(partition)
    if (owned === undefined || this.#assigned.get(partition) !== owned.epoch) throw this.#lostError(partition)
    if (owned.revokeAt === null) this.#fetcher.start(partition, offset)
  }

  async commit(partition: number, epoch: number, next: number, metadata: string): Promise<void> {
    this.#requireOpen()
    const owned = this.#membership.owned.get(partition)
    if (owned?.epoch !== epoch) throw this.#lostError(partition)
    await this.#commit(owned, { topic: this.#options.topic, partition, next, metadata, epoch })
  }

  async release(partition: number): Promise<void> {
    this.#requireOpen()
    this.#forget(partition)
    this.#membership.release(partition)
  }

  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.#closing.abort(closedError('The subscription'))
    this.#wakeup.wake()
    this.#members.delete(this.#membership)
    await Promise.all([this.#fetcher.close(), this.#membership.close()])
  }

  #requireOpen(): void {
    this.#closing.signal.throwIfAborted()
  }

  /** What the membership has to tell, but for new partitions. */
  #change(): SubscriptionEvent | null {
    const lost = this.#membership.takeLost().filter(partition => this.#assigned.has(partition))
    for (const partition of lost) this.#forget(partition)
    if (lost.length > 0) return { kind: 'lost', partitions: lost }
    const failure = this.#membership.takeFailure() ?? this.#fetcher.takeFailure()
    if (failure !== null) throw failure
    return this.#revocation()
  }

  #revocation(): SubscriptionEvent | null {
    const partitions: number[] = []
    let deadline = Number.POSITIVE_INFINITY
    for (const { partition, revokeAt } of [...this.#membership.owned.values()]) {
      if (revokeAt === null || this.#revoking.has(partition)) continue
      if (this.#assigned.has(partition)) {
        this.#fetcher.stop(partition)
        this.#revoking.add(partition)
        partitions.push(partition)
        deadline = Math.min(deadline, revokeAt)
      } else this.#membership.release(partition)
    }
    if (partitions.length === 0) return null
    return { kind: 'revoking', partitions, deadlineMs: Math.max(0, deadline - this.#cluster.clock.elapsed()) }
  }

  async #assignment(): Promise<SubscriptionEvent | null> {
    const { owned } = this.#membership
    for (const each of owned.values()) {
      const { partition, revokeAt } = each
      if (revokeAt !== null || this.#assigned.has(partition)) continue
      const stored = await this.#stored(partition)
      if (each.epoch === null) await this.#claim(each, stored)
      if (owned.get(partition) !== each) return this.#change() ?? (await this.#assignment())
      const { epoch } = each
      if (epoch === null) return null
      this.#assigned.set(partition, epoch)
      const commit = stored === null ? null : toCommit(this.#options.group, stored)
      const committed = commit === null ? null : { next: commit.next, metadata: commit.metadata }
      return { kind: 'assigned', partition, epoch, committed }
    }
    return null
  }

  /**
   * Takes the next epoch, by committing it with the offset that is committed already. The brokers take it only from the
   * partition's owner; a former one can have written none after this one has read.
   */
  async #claim(owned: OwnedPartition, stored: StoredOffset | null): Promise<void> {
    const { topic } = this.#options
    const { partition } = owned
    const epoch = nextEpoch(stored?.epoch ?? 0, this.#cluster.clock.now())
    const { next, metadata } = stored ?? { next: await this.#startOf(partition), metadata: null }
    try {
      await this.#commit(owned, { topic, partition, next, metadata, epoch })
      owned.epoch = epoch
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.code !== 'PARTITION_LOST') throw thrown
    }
  }

  /** Outlasts rebalances in which the partition stays. */
  async #commit(owned: OwnedPartition, commit: OffsetCommit): Promise<void> {
    const { group, topic } = this.#options
    const { partition } = owned
    for (let failures = 0; ; failures++) {
      this.#requireOpen()
      if (this.#membership.owned.get(partition) !== owned) throw this.#lostError(partition)
      try {
        return await commitOffsets(this.#cluster, group, [commit], this.#membership.identity)
      } catch (thrown) {
        const meaning = meaningOf(thrown)
        if (meaning?.stale === true) this.#cluster.forget()
        const otherGeneration = meaning?.code === 'PARTITION_LOST' || meaning?.name === 'REBALANCE_IN_PROGRESS'
        if (failures >= maxCommitFailures || !(otherGeneration || meaning?.transient === true)) {
          throw toMillraceError(thrown, `commit ${topic}[${partition}]`, group)
        }
        // A partition that stays is the member's under the next generation too; whether it stays, the next answer tells.
        if (otherGeneration) await this.#membership.confirm()
        else await this.#cluster.pause(failures)
      }
    }
  }

  async #startOf(partition: number): Promise<number> {
    const { topic } = this.#options
    const ranges = await this.#cluster.retrying(`read ${topic}`, topic, () => rangesOf(this.#cluster, topic))
    return ranges[partition]?.start ?? 0
  }

  /** Waits while a transaction with a commit of the partition is open, and ends it if its member is gone. */
  async #stored(partition: number): Promise<StoredOffset | null> {
    const { group, topic, producers } = this.#options
    const { clock } = this.#cluster
    const startedAt = clock.elapsed()
    const [stored] = await this.#cluster.retrying(`read the offsets of ${group}`, group, async () => {
      try {
        return await fetchStored(this.#cluster, group, { name: topic, partitions: [partition] })
      } catch (thrown) {
        const stays = clock.elapsed() - startedAt >= endingMs && meaningOf(thrown)?.name === 'UNSTABLE_OFFSET_COMMIT'
        // What cannot be ended, for want of the right to or on Kafka before 3.0, is over when its time is.
        if (stays && producers !== undefined) await endAbandoned(this.#cluster, group, producers).catch(() => {})
        throw thrown
      }
    })
    return stored ?? null
  }

  async #batch(limits: NextOptions): Promise<Batch | null> {
    const taken = this.#fetcher.take(limits)
    if (taken !== null) {
      const { partition } = taken
      return { kind: 'batch', topic: this.#options.topic, epoch: this.#assigned.get(partition)!, ...taken }
    }
    const outside = this.#fetcher.outOfRange()
    if (outside !== null) throw await this.#outOfRangeError(outside.partition, outside.offset)
    return null
  }

  #forget(partition: number): void {
    this.#fetcher.stop(partition)
    this.#assigned.delete(partition)
    this.#revoking.delete(partition)
  }

  #lostError(partition: number): MillraceError {
    return partitionLost(this.#options.group, this.#options.topic, partition)
  }

  async #outOfRangeError(partition: number, offset: number): Promise<MillraceError> {
    const { group, topic } = this.#options
    const ranges = await this.#cluster.retrying(`read ${topic}`, topic, () => rangesOf(this.#cluster, topic))
    const { start, end } = ranges[partition]!
    const place = `${topic}[${partition}]`
    const what =
      offset < start
        ? `Retention deleted records of ${place} that group ${group} has not read: it is at ${offset}, the log starts at ${start}.`
        : `Group ${group} is at ${offset} of ${place}, but the log ends at ${end}: it is not the log it read before.`
    return new MillraceError('OFFSET_OUT_OF_RANGE', what, {
      place: `${group}, ${place}@${offset}`,
      fix: `Reset the offsets of ${group} to ${start} (the range is ${start} to ${end}), or bring the missing records back.`,
    })
  }
}
