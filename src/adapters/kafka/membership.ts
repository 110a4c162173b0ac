import type { SubscribeOptions } from '../../ports/log.ts'
import { assignGroup } from './assignment.ts'
import { type Cluster, unknownTopic } from './cluster.ts'
import type { Connections } from './connections.ts'
import { meaningOf } from './errors.ts'
import { FailureNote } from './failure-note.ts'
import type { GroupIdentity } from './group-offsets.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './group-protocol.ts'
import { Wakeup } from './wakeup.ts'

/** A name of our own: members of other programs would share partitions out by other rules. */
const protocolName = 'millrace-cooperative'
const protocolType = 'consumer'
const longestBeatMs = 1_000
/** How often the leader looks whether the topic has grown, in milliseconds. */
const growthCheckMs = 3_000

/** A partition of this member. */
export interface OwnedPartition {
  readonly partition: number
  readonly epoch: number
  /** On the clock's `elapsed`, when it is lost at the latest; null unless asked back. */
  revokeAt: number | null
}

export interface MembershipOptions extends SubscribeOptions {
  readonly sessionTimeoutMs: number
  readonly drainTimeoutMs: number
}

/**
 * A member of a group by Kafka's classic protocol, with heartbeats and rebalances on their own, whether anyone pulls or
 * not. (The newer one, KIP-848, leaves the session timeout to the brokers, 45 s unless they are told otherwise: a killed
 * worker's partitions would rest for that long.)
 *
 * A member is joining or stable. Stable → joining: the coordinator says that a rebalance has begun, or forgot the
 * member (then everything it had is lost); all partitions asked back are drained, or their deadline passed; the leader
 * saw the topic grow. Joining → stable: it has its share. A partition is owned from the rebalance that gave it until
 * it is released or lost, through all rebalances in between.
 */
export class Membership {
  readonly owned = new Map<number, OwnedPartition>()
  readonly options: MembershipOptions
  readonly #cluster: Cluster
  readonly #connections: Connections
  readonly #onChange: () => void
  readonly #wakeup: Wakeup
  readonly #failure: FailureNote
  readonly #running: Promise<void>
  /** Partitions that are lost and not told yet. */
  #lost: number[] = []
  #memberId = ''
  #generation = -1
  #leads = false
  /** Partitions of the topic when they were last shared out. */
  #partitions = 0
  #growthCheckedAt = 0
  #highestEpoch = 0
  #mustJoin = true
  /** Whether the group has yet to hear that a partition was released. */
  #givenUp = false
  #closed = false
  #rounds: (() => void)[] = []

  /** @param onChange called whenever there may be something to tell */
  constructor(cluster: Cluster, options: MembershipOptions, onChange: () => void) {
    this.#cluster = cluster
    this.options = options
    // A join is answered when the others have joined, too, which they have the session timeout for.
    this.#connections = cluster.connect(options.sessionTimeoutMs + cluster.settings.connection.requestTimeout)
    this.#onChange = onChange
    this.#wakeup = new Wakeup(cluster.clock)
    this.#failure = new FailureNote(cluster, `be a member of group ${options.group}`, options.group)
    this.#running = this.#run()
  }

  /** What commits are made as. */
  get identity(): GroupIdentity {
    return { generation: this.#generation, memberId: this.#memberId }
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
    this.#rejoinIfDrained()
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
    const { client, connections } = this.#cluster
    const { group } = this.options
    if (this.#memberId !== '') {
      const leave = async () => {
        const coordinator = await this.#cluster.coordinator('group', group)
        await connections.send(coordinator, client.leaveGroupV4.api, group, [{ memberId: this.#memberId }])
      }
      // A coordinator that does not hear it finds out by itself when the session times out.
      await this.#cluster.briefly(leave())
    }
    await this.#connections.close()
    await this.#cluster.briefly(this.#running)
  }

  async #run(): Promise<void> {
    const beatMs = Math.min(longestBeatMs, this.options.sessionTimeoutMs / 4)
    for (let failures = 0; !this.#closed; ) {
      try {
        if (this.#mustJoin) await this.#join()
        else await this.#beat()
        this.#failure.clear()
        failures = 0
        this.#endRound()
        if (!this.#mustJoin) await this.#wakeup.wait(this.#untilNext(beatMs))
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
    const meaning = meaningOf(thrown)
    if (meaning?.stale === true) this.#cluster.forget()
    switch (meaning?.name) {
      case 'REBALANCE_IN_PROGRESS':
        this.#mustJoin = true
        return true
      case 'MEMBER_ID_REQUIRED':
        this.#memberId = memberIdIn(thrown)
        return true
      case 'UNKNOWN_MEMBER_ID':
      case 'ILLEGAL_GENERATION':
      case 'FENCED_INSTANCE_ID':
        this.#lose([...this.owned.keys()])
        this.#memberId = ''
        this.#mustJoin = true
        this.#endRound()
        return true
      default:
        this.#failure.note(thrown)
        this.#endRound()
        return false
    }
  }

  async #beat(): Promise<void> {
    const { client, clock } = this.#cluster
    const { group, topic } = this.options
    const coordinator = await this.#cluster.coordinator('group', group)
    await this.#connections.send(coordinator, client.heartbeatV4.api, group, this.#generation, this.#memberId, null)
    if (!this.#leads || clock.elapsed() - this.#growthCheckedAt < growthCheckMs) return
    this.#growthCheckedAt = clock.elapsed()
    const found = await this.#cluster.findTopic(topic)
    if (found !== null && found.leaders.length !== this.#partitions) this.#mustJoin = true
  }

  async #join(): Promise<void> {
    const { client } = this.#cluster
    const { group, topic, member, sessionTimeoutMs } = this.options
    const owned = new Map([...this.owned.values()].map(({ partition, epoch }) => [partition, epoch]))
    this.#givenUp = false
    const metadata = encodeSubscription({ topic, member, owned, highestEpoch: this.#highestEpoch })
    const coordinator = await this.#cluster.coordinator('group', group)
    const joined = await this.#connections.send(
      coordinator,
      client.joinGroupV7.api,
      group,
      sessionTimeoutMs,
      sessionTimeoutMs,
      this.#memberId,
      null,
      protocolType,
      [{ name: protocolName, metadata }],
    )
    this.#memberId = joined.memberId
    this.#leads = joined.leader === joined.memberId
    const answer = await this.#connections.send(
      coordinator,
      client.syncGroupV5.api,
      group,
      joined.generationId,
      joined.memberId,
      null,
      protocolType,
      protocolName,
      this.#leads ? await this.#shareOut(joined.members) : [],
    )
    this.#mustJoin = false
    this.#generation = joined.generationId
    this.#apply(decodeAssignment(answer.assignment))
  }

  /** What the leader tells each member. */
  async #shareOut(members: readonly { memberId: string; metadata: Buffer }[]) {
    const { topic } = this.options
    const found = await this.#cluster.findTopic(topic)
    if (found === null) throw unknownTopic(topic)
    this.#partitions = found.leaders.length
    const subscriptions = new Map(members.map(each => [each.memberId, decodeSubscription(each.metadata)]))
    const { partitions, epoch } = assignGroup(this.#partitions, subscriptions, this.#cluster.clock.now())
    return [...partitions].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment({ topic, partitions, epoch }),
    }))
  }

  #apply({ partitions, epoch }: { readonly partitions: readonly number[]; readonly epoch: number }): void {
    this.#highestEpoch = Math.max(this.#highestEpoch, epoch)
    for (const owned of this.owned.values()) {
      if (partitions.includes(owned.partition)) continue
      owned.revokeAt ??= this.#cluster.clock.elapsed() + this.options.drainTimeoutMs
    }
    for (const partition of partitions) {
      if (!this.owned.has(partition)) this.owned.set(partition, { partition, epoch, revokeAt: null })
    }
    this.#rejoinIfDrained()
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
    this.#rejoinIfDrained()
  }

  #lose(partitions: readonly number[]): void {
    for (const partition of partitions) this.owned.delete(partition)
    this.#lost.push(...partitions)
    this.#onChange()
  }

  /** Once nothing is left to drain, a new rebalance gives what was released to others. */
  #rejoinIfDrained(): void {
    const draining = [...this.owned.values()].some(({ revokeAt }) => revokeAt !== null)
    if (this.#givenUp && !draining) this.#mustJoin = true
  }
}

/** A coordinator names a new member in its refusal to let it join without a name. */
function memberIdIn(thrown: unknown): string {
  const { response } = thrown as { readonly response?: { readonly memberId?: string } }
  return response?.memberId ?? ''
}
