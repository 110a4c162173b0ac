import { type Cluster, closedError } from './cluster.ts'
import type { Connections } from './connections.ts'
import { meaningOf } from './errors.ts'
import type { GroupIdentity } from './group-offsets.ts'
import { requireNoOthers } from './groups.ts'
import { newMemberId } from './member-id.ts'
import type { GroupProtocol, MemberShare, MembershipOptions, OwnedPartition } from './membership.ts'

/** Epochs of a member that say what it wants. */
const joining = 0
const leaving = -1

/**
 * Kafka's newer protocol (KIP-848): the brokers share the partitions out. A heartbeat says all that the member wants and has,
 * and its answer all that it is to have, so that an answer that is lost is made up for by the next. A partition goes to
 * another member once a heartbeat comes without it, or the member is expelled.
 *
 * Nothing goes from member to member; epochs come from what is kept beside the offsets (`epochs.ts`).
 */
export class ConsumerProtocol implements GroupProtocol {
  readonly #cluster: Cluster
  readonly #options: MembershipOptions
  readonly #connections: Connections
  /** The same after the brokers have forgotten it: should they have not, its partitions need not rest until its session ends. */
  readonly #memberId: string
  #memberEpoch = joining
  /** Of the topic, as the brokers name it. */
  #topicId: string | null = null
  #due = false
  #left = false

  constructor(cluster: Cluster, options: MembershipOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#memberId = newMemberId(options.member)
    this.#connections = cluster.connect()
  }

  get identity(): GroupIdentity {
    return { protocol: 'consumer', generation: this.#memberEpoch, memberId: this.#memberId }
  }

  get due(): boolean {
    return this.#due
  }

  tell(): void {
    this.#due = true
  }

  async round(owned: readonly OwnedPartition[]): Promise<MemberShare | null> {
    this.#due = false
    if (this.#memberEpoch === joining) await requireNoOthers(this.#cluster, this.#options.group, 'consumer')
    const { memberEpoch, assignment } = await this.#heartbeat(this.#memberEpoch, owned)
    this.#memberEpoch = memberEpoch
    if (assignment === null) return null
    this.#topicId = assignment.topicPartitions.at(-1)?.topicId ?? this.#topicId
    return { partitions: assignment.topicPartitions.flatMap(each => each.partitions), epoch: null }
  }

  onFailure(thrown: unknown): 'again' | 'lost' | 'wait' {
    const meaning = meaningOf(thrown)
    if (meaning?.stale === true) this.#cluster.forget()
    switch (meaning?.name) {
      case 'UNKNOWN_MEMBER_ID':
      case 'FENCED_MEMBER_EPOCH':
        this.#memberEpoch = joining
        return 'lost'
      case 'GROUP_ID_NOT_FOUND': {
        // To a member that joins it means that the group has become one of the classic protocol meanwhile.
        const wasMember = this.#memberEpoch !== joining
        this.#memberEpoch = joining
        return wasMember ? 'lost' : 'wait'
      }
      default:
        return 'wait'
    }
  }

  async leave(): Promise<void> {
    this.#left = true
    await this.#cluster.briefly(this.#heartbeat(leaving, []))
    await this.#connections.close()
  }

  async #heartbeat(memberEpoch: number, owned: readonly OwnedPartition[]) {
    const { client } = this.#cluster
    const { group, topic, drainTimeoutMs, sessionTimeoutMs } = this.#options
    const partitions = owned.map(each => each.partition)
    const coordinator = await this.#cluster.coordinator('group', group)
    // A round that was under way must not join again what has been left.
    if (this.#left && memberEpoch !== leaving) throw closedError('The membership')
    return await this.#connections.send(
      coordinator,
      client.consumerGroupHeartbeatV1.api,
      group,
      this.#memberId,
      memberEpoch,
      null,
      null,
      // A member that lives gives up what is asked back when the time to drain it is over.
      drainTimeoutMs + sessionTimeoutMs,
      [topic],
      null,
      null,
      this.#topicId === null || partitions.length === 0 ? [] : [{ topicId: this.#topicId, partitions }],
    )
  }
}
