import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../ports/clock.ts'
import type { Batch, NextOptions, SubscribeOptions, Subscription, SubscriptionEvent } from '../../../ports/log.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'
import {
  addMember,
  assignmentsOf,
  beat,
  type Candidate,
  generationOf,
  giveUp,
  partitionLost,
  rebalance,
  removeMember,
  removeTokens,
  requireEpoch,
  tokensOf,
} from './group.ts'
import { holdToken, type ProcessIdentity, tokenFree } from './liveness.ts'
import { closedError, type LogFile } from './log-file.ts'
import { committedOffset, storeOffset } from './offsets.ts'
import { PartitionReader } from './partition-reader.ts'
import { requireTopic } from './topics.ts'

const defaultSessionTimeoutMs = 10_000
const defaultDrainTimeoutMs = 5_000
const longestBeatMs = 1_000

/** How a thread stands in the log: shared by all its subscriptions. */
export interface LogContext {
  readonly file: LogFile
  readonly clock: Clock
  readonly turns: EventLoopTurns
  readonly process: ProcessIdentity
  /** Milliseconds between two looks for something new. */
  readonly pollMs: number
}

/** A partition this member has, and how far it has been told about it. */
interface Owned {
  readonly partition: number
  readonly epoch: number
  /** Null until `seek`. */
  reader: PartitionReader | null
  announced: boolean
  /** Wall-clock milliseconds; null unless asked back. */
  revokeAt: number | null
  revokeAnnounced: boolean
}

/**
 * Joins the group. `maxBufferedBytes` needs no attention: nothing is fetched ahead but the rest of one stored batch,
 * which is 256 KiB or a single record.
 * @throws MillraceError `TOPIC_UNKNOWN`.
 */
export async function subscribe(context: LogContext, options: SubscribeOptions): Promise<EmbeddedSubscription> {
  const { file, process } = context
  const token = randomUUID()
  const candidate: Candidate = {
    group: options.group,
    topic: requireTopic(file, options.topic),
    member: options.member,
    token,
    process,
    sessionTimeoutMs: options.sessionTimeoutMs ?? defaultSessionTimeoutMs,
    drainTimeoutMs: options.drainTimeoutMs ?? defaultDrainTimeoutMs,
  }
  // A member is written down only while its token is held: one whose token is free has ended.
  const releaseToken = await holdToken(token)
  try {
    const ended: string[] = []
    for (const other of tokensOf(file, options.group, process)) if (await tokenFree(other)) ended.push(other)
    file.write(() => removeTokens(file, ended))
    return new EmbeddedSubscription(context, candidate, releaseToken)
  } catch (error) {
    releaseToken()
    throw error
  }
}

export class EmbeddedSubscription implements Subscription {
  readonly #context: LogContext
  readonly #candidate: Candidate
  readonly #releaseToken: () => void
  readonly #closing = new AbortController()
  readonly #beats: NodeJS.Timeout
  #memberId = 0
  #owned = new Map<number, Owned>()
  #lost: number[] = []
  /** Why the last heartbeat failed; told by the next `next`. */
  #beatFailure: unknown = null
  #changeMark = ''
  #generation = -1
  /** Wall-clock milliseconds at which some partition asked back is due. */
  #dueAt: number | null = null
  /** The partition that had the last turn. */
  #lastServed = -1

  constructor(context: LogContext, candidate: Candidate, releaseToken: () => void) {
    this.#context = context
    this.#candidate = candidate
    this.#releaseToken = releaseToken
    context.file.write(() => this.#join())
    // Not the clock's sleep: heartbeats must not keep a process alive that is done with everything else.
    const beatMs = Math.min(longestBeatMs, candidate.sessionTimeoutMs / 4)
    this.#beats = setInterval(() => this.#beat(), beatMs)
    this.#beats.unref()
  }

  async next(options: NextOptions): Promise<SubscriptionEvent> {
    const { clock, pollMs, turns } = this.#context
    await turns.take()
    const startedAt = clock.elapsed()
    let waiting: AbortSignal | null = null
    for (;;) {
      options.signal?.throwIfAborted()
      this.#requireOpen()
      const event = this.#poll(options)
      if (event !== null) return event
      const left = options.waitMs - (clock.elapsed() - startedAt)
      if (left <= 0) return { kind: 'idle' }
      waiting ??= AbortSignal.any([this.#closing.signal, ...(options.signal === undefined ? [] : [options.signal])])
      await clock.sleep(Math.min(left, pollMs), waiting)
    }
  }

  seek(partition: number, offset: number): void {
    const { group, topic } = this.#candidate
    const owned = this.#owned.get(partition)
    if (owned === undefined) throw partitionLost(group, topic.name, partition)
    owned.reader = new PartitionReader(this.#context.file, topic, partition, offset)
    // Its records may have been there all along.
    this.#changeMark = ''
  }

  async commit(partition: number, epoch: number, next: number, metadata: string): Promise<void> {
    this.#requireOpen()
    const { file } = this.#context
    const { group, topic } = this.#candidate
    file.write(() => {
      requireEpoch(file, group, topic, partition, epoch)
      storeOffset(file, { group, topic: topic.name, partition, next, metadata })
    })
  }

  async release(partition: number): Promise<void> {
    this.#requireOpen()
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    const { file, clock } = this.#context
    const { group, topic } = this.#candidate
    file.write(() => {
      giveUp(file, group, topic.id, partition, owned.epoch)
      beat(file, this.#memberId, clock.now())
      this.#rebalance()
    })
    this.#owned.delete(partition)
  }

  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.#closing.abort(closedError('The subscription'))
    clearInterval(this.#beats)
    const { file } = this.#context
    try {
      file.write(() => {
        removeMember(file, this.#memberId)
        this.#rebalance()
      })
    } finally {
      this.#releaseToken()
    }
  }

  #requireOpen(): void {
    this.#closing.signal.throwIfAborted()
  }

  /** What there is to say without waiting. */
  #poll(options: NextOptions): SubscriptionEvent | null {
    const { file, clock } = this.#context
    if (this.#beatFailure !== null) {
      const failure = this.#beatFailure
      this.#beatFailure = null
      throw failure
    }
    if (this.#dueAt !== null && clock.now() >= this.#dueAt) this.#beat()
    const mark = file.changeMark()
    const changed = mark !== this.#changeMark
    if (changed) this.#refresh()
    const event = this.#membershipEvent()
    if (event !== null) return event
    const batch = this.#batch(options, changed)
    // Only when nothing is left may the next look be skipped.
    this.#changeMark = batch === null ? mark : ''
    return batch
  }

  /** Compares what this member knows with what the file says. */
  #refresh(): void {
    const { file } = this.#context
    const { group, topic } = this.#candidate
    const generation = generationOf(file, group)
    if (generation === this.#generation) return
    const current = new Map(assignmentsOf(file, group, topic.id, this.#memberId).map(each => [each.partition, each]))
    for (const owned of [...this.#owned.values()]) {
      if (current.get(owned.partition)?.epoch === owned.epoch) continue
      this.#owned.delete(owned.partition)
      if (owned.announced) this.#lost.push(owned.partition)
    }
    for (const { partition, epoch, revokeAt } of current.values()) {
      const owned = this.#owned.get(partition)
      if (owned !== undefined) owned.revokeAt = revokeAt
      else {
        const fresh = { partition, epoch, revokeAt, reader: null, announced: false, revokeAnnounced: false }
        this.#owned.set(partition, fresh)
      }
    }
    this.#generation = generation
  }

  #membershipEvent(): SubscriptionEvent | null {
    const { file, clock } = this.#context
    const { group, topic } = this.#candidate
    if (this.#lost.length > 0) {
      const partitions = this.#lost
      this.#lost = []
      return { kind: 'lost', partitions }
    }
    const revoking: number[] = []
    let deadline = Number.POSITIVE_INFINITY
    for (const owned of this.#owned.values()) {
      const { partition, epoch } = owned
      if (!owned.announced) {
        owned.announced = true
        return { kind: 'assigned', partition, epoch, committed: committedOffset(file, group, topic.id, partition) }
      }
      if (owned.revokeAt !== null && !owned.revokeAnnounced) {
        owned.revokeAnnounced = true
        revoking.push(partition)
        deadline = Math.min(deadline, owned.revokeAt)
      }
    }
    if (revoking.length === 0) return null
    return { kind: 'revoking', partitions: revoking, deadlineMs: Math.max(0, deadline - clock.now()) }
  }

  /** From the partition whose turn it is. What is left of a stored batch comes first, so that only one is held. */
  #batch(options: NextOptions, changed: boolean): Batch | null {
    const readable = [...this.#owned.values()].filter(each => each.reader !== null && each.revokeAt === null)
    const begun = readable.find(each => each.reader!.hasRemainder)
    if (begun !== undefined) return this.#read(begun, options)
    if (!changed) return null
    readable.sort((a, b) => a.partition - b.partition)
    const first = readable.findIndex(each => each.partition > this.#lastServed)
    for (let turn = 0; turn < readable.length; turn++) {
      const owned = readable[(Math.max(first, 0) + turn) % readable.length]!
      const batch = this.#read(owned, options)
      if (batch !== null) return batch
    }
    return null
  }

  #read(owned: Owned, options: NextOptions): Batch | null {
    const { partition, epoch } = owned
    const reader = owned.reader!
    const position = reader.position
    const { records, start, end } = reader.read(options)
    if (records.length > 0) {
      this.#lastServed = partition
      const { name: topic } = this.#candidate.topic
      return { kind: 'batch', topic, partition, epoch, records, next: reader.position, end }
    }
    if (position < start || position > end) throw this.#outOfRange(partition, position, start, end)
    return null
  }

  #outOfRange(partition: number, position: number, start: number, end: number): MillraceError {
    const { group, topic } = this.#candidate
    const place = `${topic.name}[${partition}]`
    const what =
      position < start
        ? `Retention deleted records of ${place} that group ${group} has not read: it is at ${position}, the log starts at ${start}.`
        : `Group ${group} is at ${position} of ${place}, but the log ends at ${end}: it is not the log it read before.`
    return new MillraceError('OFFSET_OUT_OF_RANGE', what, {
      place: `${group}, ${place}@${position}`,
      fix: `Reset the offsets of ${group} to ${start} (the range is ${start} to ${end}), or bring the missing records back.`,
    })
  }

  /** Inside a transaction. */
  #join(): void {
    const { file, clock } = this.#context
    this.#memberId = addMember(file, this.#candidate, clock.now())
    this.#rebalance()
  }

  /** Inside a transaction. */
  #rebalance(): void {
    const { file, clock, process } = this.#context
    const { group, topic } = this.#candidate
    this.#dueAt = rebalance(file, group, topic.id, process, clock.now())
  }

  #beat(): void {
    const { file, clock } = this.#context
    try {
      file.write(() => {
        if (beat(file, this.#memberId, clock.now())) this.#rebalance()
        else this.#join()
      })
    } catch (error) {
      this.#beatFailure = error
    }
  }
}
