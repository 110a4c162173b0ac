import { assignGroup } from './assignment.ts'
import { type Cluster, unknownTopic } from './cluster.ts'
import type { Connections } from './connections.ts'
import { meaningOf } from './errors.ts'
import { fetchStored, type GroupIdentity } from './group-offsets.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './group-protocol.ts'
import { requireNoOthers } from './groups.ts'
import type { GroupProtocol, MemberShare, MembershipOptions, OwnedPartition } from './membership.ts'

/** A name of our own: members of other programs would share partitions out by other rules. */
const protocolName = 'millrace-cooperative'
const protocolType = 'consumer'
/** How often the leader looks whether the topic has grown, in milliseconds. */
const growthCheckMs = 3_000

/**
 * Kafka's classic protocol: one of the members, the leader, shares the partitions out and gives each assignment its epoch.
 *
 * A member is joining or stable. Stable → joining: the coordinator says that a rebalance has begun, or forgot the
 * member; all partitions asked back are drained, or their deadline passed; the leader saw the topic grow. Joining → stable: it
 * has its share.
 */
export class ClassicProtocol implements GroupProtocol {
  readonly #cluster: Cluster
  readonly #options: MembershipOptions
  readonly #connections: Connections
  #memberId = ''
  #generation = -1
  #leads = false
  /** Partitions of the topic when they were last shared out. */
  #partitions = 0
  #growthCheckedAt = 0
  #highestEpoch = 0
  #mustJoin = true

  constructor(cluster: Cluster, options: MembershipOptions) {
    this.#cluster = cluster
    this.#options = options
    // A join is answered when the others have joined, too, which they have the session timeout for.
    this.#connections = cluster.connect(options.sessionTimeoutMs + cluster.settings.connection.requestTimeout)
  }

  get identity(): GroupIdentity {
    return { protocol: 'classic', generation: this.#generation, memberId: this.#memberId }
  }

  get due(): boolean {
    return this.#mustJoin
  }

  tell(): void {
    this.#mustJoin = true
  }

  async round(owned: readonly OwnedPartition[]): Promise<MemberShare | null> {
    if (!this.#mustJoin) {
      await this.#beat()
      return null
    }
    this.#mustJoin = false
    try {
      return await this.#join(owned)
    } catch (thrown) {
      this.#mustJoin = true
      throw thrown
    }
  }

  onFailure(thrown: unknown): 'again' | 'lost' | 'wait' {
    const meaning = meaningOf(thrown)
    if (meaning?.stale === true) this.#cluster.forget()
    switch (meaning?.name) {
      case 'REBALANCE_IN_PROGRESS':
        this.#mustJoin = true
        return 'again'
      case 'MEMBER_ID_REQUIRED':
        this.#memberId = memberIdIn(thrown)
        return 'again'
      case 'UNKNOWN_MEMBER_ID':
      case 'ILLEGAL_GENERATION':
      case 'FENCED_INSTANCE_ID':
        this.#memberId = ''
        this.#mustJoin = true
        return 'lost'
      default:
        return 'wait'
    }
  }

  async leave(): Promise<void> {
    if (this.#memberId !== '') await this.#cluster.briefly(this.#sendLeave())
    await this.#connections.close()
  }

  async #sendLeave(): Promise<void> {
    const { client } = this.#cluster
    const { group } = this.#options
    const coordinator = await this.#cluster.coordinator('group', group)
    await this.#connections.send(coordinator, client.leaveGroupV4.api, group, [{ memberId: this.#memberId }])
  }

  async #beat(): Promise<void> {
    const { client, clock } = this.#cluster
    const { group, topic } = this.#options
    const coordinator = await this.#cluster.coordinator('group', group)
    await this.#connections.send(coordinator, client.heartbeatV4.api, group, this.#generation, this.#memberId, null)
    if (!this.#leads || clock.elapsed() - this.#growthCheckedAt < growthCheckMs) return
    this.#growthCheckedAt = clock.elapsed()
    const found = await this.#cluster.findTopic(topic)
    if (found !== null && found.leaders.length !== this.#partitions) this.#mustJoin = true
  }

  async #join(ownedPartitions: readonly OwnedPartition[]): Promise<MemberShare> {
    const { client } = this.#cluster
    const { group, topic, member, sessionTimeoutMs } = this.#options
    if (this.#memberId === '') await this.#prepare()
    const owned = new Map(ownedPartitions.map(({ partition, epoch }) => [partition, epoch ?? 0]))
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
    const assignment = decodeAssignment(answer.assignment)
    if (assignment === null) {
      // The group has become one of the newer protocol meanwhile, whose members this one cannot hand epochs to.
      await this.#sendLeave()
      throw new client.ProtocolError('UNKNOWN_MEMBER_ID')
    }
    this.#generation = joined.generationId
    this.#highestEpoch = Math.max(this.#highestEpoch, assignment.epoch)
    return assignment
  }

  /** Before joining anew. */
  async #prepare(): Promise<void> {
    const { group, topic } = this.#options
    await requireNoOthers(this.#cluster, group, 'classic')
    const { leaders } = await this.#cluster.topic(topic)
    // Members that are gone, and those of the newer protocol, have left their epochs here.
    const stored = await fetchStored(this.#cluster, group, { name: topic, partitions: [...leaders.keys()] }, false)
    this.#highestEpoch = Math.max(this.#highestEpoch, ...stored.map(each => each.epoch))
  }

  /** What the leader tells each member. */
  async #shareOut(members: readonly { memberId: string; metadata: Buffer }[]) {
    const { topic } = this.#options
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
}

/** A coordinator names a new member in its refusal to let it join without a name. */
function memberIdIn(thrown: unknown): string {
  const { response } = thrown as { readonly response?: { readonly memberId?: string } }
  return response?.memberId ?? ''
}
