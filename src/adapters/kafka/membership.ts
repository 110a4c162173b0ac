import type { SubscribeOptions } from '../../ports/log.ts'
import type { Cluster } from './cluster.ts'
import { FailureNote } from './failure-note.ts'
import type { GroupIdentity } from './group-offsets.ts'
import { Wakeup } from './wakeup.ts'

const longestBeatMs = 1_000

/** A partition of this member. */
export interface OwnedPartition {
  readonly partition: number
  /** Null until its first reader has taken one, where the protocol gives none. */
  epoch: number | null
  /** On the clock's `elapsed`, when it is lost at the latest; null unless asked back. */
  revokeAt: number | null
}

export interface MembershipOptions extends SubscribeOptions {
  readonly sessionTimeoutMs: number
  readonly drainTimeoutMs: number
}

/** What a member is to have. */
export interface MemberShare {
  readonly partitions: readonly number[]
  /** Of those that it did not have; null where the protocol gives none. */
  readonly epoch: number | null
}

/** How a member and the coordinator of its group talk: Kafka's classic protocol, or the newer one (KIP-848). */
export interface GroupProtocol {
  /** What commits are made as. */
  readonly identity: GroupIdentity
  /** Whether the next round is due at once. */
  readonly due: boolean
  /** Joins the group, or says that the member lives. Returns its share; null if that is as before. */
  round(owned: readonly OwnedPartition[]): Promise<MemberShare | null>
  /** Has the next round tell that partitions were given up. */
  tell(): void
  /** What the failure of a round means: to begin another at once, that everything it had is lost and then the same, or to wait. */
  onFailure(thrown: unknown): 'again' | 'lost' | 'wait'
  /** Leaves the group. A coordinator that does not hear it finds out by itself when the session times out. */
  leave(): Promise<void>
}

/**
 * A member of a group, with heartbeats and rebalances on their own, whether anyone pulls or not.
 *
 * A partition is owned from the rebalance that gave it until it is released or lost, through all rebalances in between. One
 * that is asked back is drained; once nothing is left to drain, or its deadline has passed, the group is told, and
 * gives what was released to others. If the coordinator has forgotten the member, everything it had is lost.
 */
export class Membership {
  readonly owned = new Map<number, OwnedPartition>()
  readonly options: MembershipOptions
  readonly #cluster: Cluster
  readonly #protocol: GroupProtocol
  readonly #onChange: () => void
  readonly #wakeup: Wakeup
  readonly #failure: FailureNote
  readonly #running: Promise<void>
  /** Partitions that are lost and not told yet. */
  #lost: number[] = []
  /** Whether the group has yet to hear that a partition was released. */
  #givenUp = false
  #closed = false
  #rounds: (() => void)[] = []

  /** @param onChange called whenever there may be something to tell */
  constructor(cluster: Cluster, protocol: GroupProtocol, options: MembershipOptions, onChange: () => void) {
    this.#cluster = cluster
    this.#protocol = protocol
    this.options = options
    this.#onChange = onChange
    this.#wakeup = new Wakeup(cluster.clock)
    this.#failure = new FailureNote(cluster, `be a member of group ${options.group}`, options.group)
    this.#running = this.#run()
  }

  get identity(): GroupIdentity {
    return this.#protocol.identity
  }

  /** Those lost since the last call. */
  takeLost(): number[] {
    const lost = this.#lost
    this.#lost = []
    return lost
  }

  /** Why it cannot be a member, if that is so for long or for good. */
  takeFailure(): unknown {
    return this.#failure.take()
  }

  /** Gives a partition up. */
  release(partition: number): void {
    if (!this.owned.delete(partition)) return
    this.#givenUp = true
    this.#tellIfDrained()
    this.#wakeup.wake()
  }

  /** Resolves when the coordinator was asked once more: what is owned then is up to date, if it answered. */
  confirm(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#rounds.push(resolve)
    this.#wakeup.wake()
    return promise
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#wakeup.wake()
    await this.#protocol.leave()
    await this.#cluster.briefly(this.#running)
  }

  async #run(): Promise<void> {
    const beatMs = Math.min(longestBeatMs, this.options.sessionTimeoutMs / 4)
    for (let failures = 0; !this.#closed; ) {
      try {
        const share = await this.#protocol.round([...this.owned.values()])
        if (share !== null) this.#apply(share)
        this.#failure.clear()
        failures = 0
        this.#endRound()
        if (!this.#protocol.due) await this.#wakeup.wait(this.#untilNext(beatMs))
      } catch (thrown) {
        if (this.#closed) break
        if (this.#onFailure(thrown)) continue
        await this.#wakeup.wait(Math.min(beatMs, 10 * 2 ** Math.min(failures++, 10)))
      }
      this.#loseOverdue()
    }
    this.#endRound()
  }

  #endRound(): void {
    for (const resolve of this.#rounds.splice(0)) resolve()
    this.#onChange()
  }

  /** Whether to go on at once. */
  #onFailure(thrown: unknown): boolean {
    const meaning = this.#protocol.onFailure(thrown)
    if (meaning === 'again') return true
    if (meaning === 'lost') this.#lose([...this.owned.keys()])
    else this.#failure.note(thrown)
    this.#endRound()
    return meaning === 'lost'
  }

  #apply({ partitions, epoch }: MemberShare): void {
    for (const owned of this.owned.values()) {
      if (partitions.includes(owned.partition)) continue
      owned.revokeAt ??= this.#cluster.clock.elapsed() + this.options.drainTimeoutMs
    }
    for (const partition of partitions) {
      if (!this.owned.has(partition)) this.owned.set(partition, { partition, epoch, revokeAt: null })
    }
    this.#tellIfDrained()
  }

  /** Milliseconds until the next heartbeat, or until a deadline before it. */
  #untilNext(beatMs: number): number {
    const now = this.#cluster.clock.elapsed()
    const deadlines = [...this.owned.values()].map(({ revokeAt }) => revokeAt ?? Number.POSITIVE_INFINITY)
    return Math.max(0, Math.min(beatMs, ...deadlines.map(deadline => deadline - now)))
  }

  #loseOverdue(): void {
    const now = this.#cluster.clock.elapsed()
    const overdue = [...this.owned.values()].filter(({ revokeAt }) => revokeAt !== null && revokeAt <= now)
    if (overdue.length === 0) return
    this.#lose(overdue.map(each => each.partition))
    this.#givenUp = true
    this.#tellIfDrained()
  }

  #lose(partitions: readonly number[]): void {
    for (const partition of partitions) this.owned.delete(partition)
    this.#lost.push(...partitions)
    this.#onChange()
  }

  #tellIfDrained(): void {
    const draining = [...this.owned.values()].some(({ revokeAt }) => revokeAt !== null)
    if (!this.#givenUp || draining) return
    this.#givenUp = false
    this.#protocol.tell()
  }
}
