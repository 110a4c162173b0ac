import type { Cluster } from '../../../src/adapters/kafka/cluster.ts'
import { meaningOf } from '../../../src/adapters/kafka/errors.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import { retrying } from './retrying.ts'

interface Member {
  epoch: number
  readonly assigned: Set<number>
  /** Asked back, and not given up yet. */
  readonly revoked: Set<number>
}

export interface FakeOffset {
  readonly next: number
  readonly metadata: string
}

interface CommitTopic {
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: bigint
    readonly committedMetadata: string
  }[]
}

interface HeartbeatTopic {
  readonly partitions: readonly number[]
}

/**
 * What brokers do with one group of the newer protocol (KIP-848) and its offsets of one topic, as strictly as those of 4.0: a commit has
 * to have the member's present epoch.
 */
export class ConsumerBrokers {
  readonly members = new Map<string, Member>()
  readonly offsets = new Map<number, FakeOffset>()
  /** Names of requests, oldest first. */
  readonly requests: string[] = []
  /** Of the classic protocol, in the same group. */
  classicMembers = 0
  /** Called before each request is answered. */
  beforeAnswer: (request: string, args: readonly unknown[]) => void | Promise<void> = () => {}
  readonly #partitions: number
  #groupEpoch = 0

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  /** A client of these brokers with a clock of its own. @param now what it takes for the time, in milliseconds since 1970 UTC */
  client(clock: Clock, now: () => number): Cluster {
    const send = async (_broker: unknown, request: string, ...args: readonly unknown[]): Promise<unknown> => {
      this.requests.push(request)
      await this.beforeAnswer(request, args)
      return this.#answer(request, args)
    }
    const client = new Proxy(
      { ProtocolError: class extends Error {} },
      { get: (known, name) => Reflect.get(known, name) ?? { api: String(name).replace(/V\d+$/, '') } },
    )
    const broker = { host: 'broker', port: 1 }
    const leaders = Array.from({ length: this.#partitions }, () => 1)
    const cluster = {
      client,
      settings: { retryMs: 10_000, connection: { requestTimeout: 1_000 } },
      clock: { elapsed: () => clock.elapsed(), sleep: clock.sleep, now },
      connections: { send },
      connect: () => ({ send, close: async () => {} }),
      coordinator: async () => broker,
      leader: async () => broker,
      topic: async () => ({ leaders }),
      hasConsumerGroups: async () => true,
      forget: () => {},
      pause: (failures: number) => clock.sleep(failures),
      briefly: (work: Promise<unknown>) => work.catch(() => {}),
      retrying,
    }
    return cluster as unknown as Cluster
  }

  /** What happens to a member whose session is over, or that does not give up in time what is asked back. */
  expel(memberId: string): void {
    this.members.delete(memberId)
    this.#groupEpoch++
  }

  /** The owner of a partition; null while it has none. */
  ownerOf(partition: number): string | null {
    const found = [...this.members].find(
      ([, { assigned, revoked }]) => assigned.has(partition) || revoked.has(partition),
    )
    return found?.[0] ?? null
  }

  #answer(request: string, args: readonly unknown[]): unknown {
    switch (request) {
      case 'consumerGroupHeartbeat':
        return this.#heartbeat(args[1] as string, args[2] as number, args[9] as readonly HeartbeatTopic[])
      case 'describeGroups':
        return { groups: [{ groupId: args[0], groupState: 'Stable', members: Array(this.classicMembers).fill({}) }] }
      case 'offsetFetch': {
        const partitions = [...this.offsets].map(([partitionIndex, { next, metadata }]) => ({
          ...{ partitionIndex, committedOffset: BigInt(next), metadata },
        }))
        const [{ topics }] = args[0] as [{ topics: [{ partitionIndexes: number[] }] }]
        const asked = partitions.filter(each => topics[0].partitionIndexes.includes(each.partitionIndex))
        return { topics: [{ name: 'users', partitions: asked }] }
      }
      case 'offsetCommit':
        return this.#commit(args[1] as number, args[2] as string, args[4] as readonly CommitTopic[])
      case 'listOffsets': {
        const [, , [topic]] = args as [
          unknown,
          unknown,
          [{ partitions: { partitionIndex: number; timestamp: bigint }[] }],
        ]
        const partitions = topic.partitions.map(({ partitionIndex, timestamp }) => ({
          ...{ partitionIndex, offset: timestamp === -2n ? 3n : 9n },
        }))
        return { topics: [{ partitions }] }
      }
      default:
        throw new Error(`There is no request ${request}.`)
    }
  }

  #heartbeat(memberId: string, epoch: number, owned: readonly HeartbeatTopic[]): unknown {
    if (epoch === -1) {
      this.#require(memberId)
      this.expel(memberId)
      return { memberEpoch: -1, assignment: null }
    }
    if (epoch === 0) {
      if (!this.members.has(memberId)) this.#groupEpoch++
      this.members.set(memberId, { epoch: 0, assigned: new Set(), revoked: new Set() })
    }
    const member = this.#require(memberId)
    if (epoch !== member.epoch) throw failure('FENCED_MEMBER_EPOCH')
    const has = owned.flatMap(each => each.partitions)
    for (const partition of [...member.revoked]) if (!has.includes(partition)) member.revoked.delete(partition)
    this.#reconcile(memberId, member)
    const partitions = [...member.assigned]
    return {
      memberEpoch: member.epoch,
      assignment: { topicPartitions: partitions.length === 0 ? [] : [{ topicId: 'id-of-users', partitions }] },
    }
  }

  /** Partition p is to be the p-th member's, in turn. */
  #reconcile(memberId: string, member: Member): void {
    const ids = [...this.members.keys()].sort()
    const target = Array.from({ length: this.#partitions }, (_, each) => each).filter(
      partition => ids[partition % ids.length] === memberId,
    )
    for (const partition of [...member.assigned]) {
      if (target.includes(partition)) continue
      member.assigned.delete(partition)
      member.revoked.add(partition)
    }
    if (member.revoked.size > 0) {
      member.epoch ||= this.#groupEpoch
      return
    }
    member.epoch = this.#groupEpoch
    for (const partition of target) if (this.ownerOf(partition) === null) member.assigned.add(partition)
  }

  #commit(epoch: number, memberId: string, topics: readonly CommitTopic[]): unknown {
    if (memberId !== '' || this.members.size > 0) {
      const member = this.#require(memberId)
      if (epoch !== member.epoch) throw failure('STALE_MEMBER_EPOCH')
    }
    for (const { partitionIndex, committedOffset, committedMetadata } of topics.flatMap(each => each.partitions)) {
      this.offsets.set(partitionIndex, { next: Number(committedOffset), metadata: committedMetadata })
    }
    return {}
  }

  #require(memberId: string): Member {
    const member = this.members.get(memberId)
    if (member === undefined) throw failure('UNKNOWN_MEMBER_ID')
    return member
  }
}

/** An answer of the protocol with an error. */
export function failure(apiId: string): Error {
  const error = Object.assign(new Error(apiId), { apiId })
  if (meaningOf(error) === null) throw new Error(`${apiId} is no error of the protocol.`)
  return error
}
