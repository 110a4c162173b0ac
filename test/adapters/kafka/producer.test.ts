import { describe, expect, it } from 'vitest'
import type { Cluster } from '../../../src/adapters/kafka/cluster.ts'
import { GroupMembers } from '../../../src/adapters/kafka/group-members.ts'
import type { Membership } from '../../../src/adapters/kafka/membership.ts'
import { KafkaProducer } from '../../../src/adapters/kafka/producer.ts'
import type { Commit } from '../../../src/ports/log.ts'
import { retrying } from './retrying.ts'

it('commits as the member that owned the partition, also if it joins the group anew meanwhile', async () => {
  const member = {
    options: { group: 'group', topic: 'users' },
    owned: new Map([[0, { partition: 0, epoch: 7, revokeAt: null }]]),
    identity: { generation: 3, memberId: 'before' },
  }
  const members = new GroupMembers()
  members.add(member as unknown as Membership)
  const committedAs: unknown[] = []
  const coordinator = new Coordinator()
  const producer = await open(members, async (request, args) => {
    if (request === 'addOffsetsToTxn') member.identity = { generation: 1, memberId: 'after' }
    if (request === 'txnOffsetCommit') committedAs.push(args.slice(4, 6))
    return coordinator.answer(request, args)
  })
  await producer.append([], [{ ...commit, epoch: 7 }])
  // With the new name the broker would take it, though the partition may be another's by now.
  expect(committedAs).toEqual([[3, 'before']])
})

it('goes on when the answer to its new epoch is lost, which fenced the old one', async () => {
  const coordinator = new Coordinator()
  let cuts = 1
  let lost = 3
  const producer = await open(new GroupMembers(), async (request, args) => {
    if (request === 'addOffsetsToTxn' && cuts-- > 0) throw cut()
    const answer = coordinator.answer(request, args)
    if (request === 'initProducerId' && cuts < 1 && lost-- > 0) throw cut()
    return answer
  })
  await producer.append([], [commit])
  expect(lost).toBe(-1)
  expect(coordinator.ended).toEqual(['commit'])
})

describe('an append that takes longer than a transaction may', () => {
  for (const at of ['txnOffsetCommit', 'endTxn']) {
    it(`is made once, aborted by the brokers before ${at}`, async () => {
      const coordinator = new Coordinator()
      let late = 1
      const producer = await open(new GroupMembers(), async (request, args) => {
        if (request === at && late-- > 0) coordinator.abortOverdue()
        return coordinator.answer(request, args)
      })
      const outcome = await producer.append([], [commit]).catch((error: unknown) => error)
      if (at === 'endTxn') {
        expect(outcome).toMatchObject({ code: 'LOG_FAILED', outcome: 'failed', retry: 'now' })
        await producer.append([], [commit])
      }
      expect(coordinator.ended).toEqual(['overdue', 'commit'])
      expect(coordinator.committed).toEqual([commit.next])
    })
  }

  it('is made once, aborted while the connection was cut', async () => {
    const coordinator = new Coordinator()
    let late = 1
    const producer = await open(new GroupMembers(), async (request, args) => {
      const answer = coordinator.answer(request, args)
      if (request !== 'addOffsetsToTxn' || late-- < 1) return answer
      coordinator.abortOverdue()
      throw cut()
    })
    await producer.append([], [commit])
    expect(coordinator.ended).toEqual(['overdue', 'commit'])
    expect(coordinator.committed).toEqual([commit.next])
  })

  it('is not made again if it was committed, unanswered, and another producer is about to take over', async () => {
    const coordinator = new Coordinator()
    let cuts = 10
    const producer = await open(new GroupMembers(), async (request, args) => {
      const answer = coordinator.answer(request, args)
      if (request === 'endTxn' && cuts-- > 0) throw cut()
      return answer
    })
    await expect(producer.append([], [commit])).rejects.toMatchObject({ outcome: 'unknown' })
    coordinator.answer('initProducerId', ['producer', 1_000, -1n, -1])
    await producer.append([], [commit])
    expect(coordinator.ended).toEqual(['commit'])
    expect(coordinator.committed).toEqual([commit.next])
  })

  for (const at of ['addOffsetsToTxn', 'txnOffsetCommit', 'endTxn']) {
    it(`stays fenced by a producer that was opened before ${at}`, async () => {
      const coordinator = new Coordinator()
      let second: KafkaProducer | null = null
      const producer = await open(new GroupMembers(), async (request, args) => {
        if (request === at && second === null) {
          second = await open(new GroupMembers(), async (...request) => coordinator.answer(...request))
        }
        return coordinator.answer(request, args)
      })
      const fenced = await producer.append([], [commit]).catch((error: unknown) => error)
      expect(fenced).toMatchObject({ code: 'PRODUCER_FENCED' })
      await second!.append([], [{ ...commit, next: 6 }])
      expect(coordinator.committed).toEqual([6])
      await expect(producer.append([], [commit])).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    })
  }
})

const commit: Commit = { group: 'group', topic: 'users', partition: 0, next: 5, metadata: '' }

const failure = (facts: object) => Object.assign(new Error('failed'), facts)
const cut = () => Object.assign(new Error('cut'), { code: 'PLT_KFK_NETWORK' })

async function open(members: GroupMembers, answer: Answer): Promise<KafkaProducer> {
  const producer = new KafkaProducer(clusterOf(answer), members, 'producer')
  await producer.open()
  return producer
}

/** What a broker does with the transactions of one id. */
class Coordinator {
  readonly committed: number[] = []
  readonly ended: ('commit' | 'abort' | 'overdue')[] = []
  #epoch = -1
  /** The epoch before, as long as who has it may ask again for the one it was given. */
  #last = -1
  #pending: number[] | null = null
  #lastEnd: boolean | null = null

  answer(request: string, args: readonly unknown[]): object {
    switch (request) {
      case 'initProducerId':
        return this.#identify(args[3] as number)
      case 'addOffsetsToTxn':
        this.#require(args[2])
        this.#pending ??= []
        this.#lastEnd = null
        return {}
      case 'txnOffsetCommit': {
        this.#require(args[3])
        const [topic] = args[7] as readonly { readonly partitions: readonly { readonly committedOffset: bigint }[] }[]
        this.#pending!.push(Number(topic!.partitions[0]!.committedOffset))
        return {}
      }
      case 'endTxn':
        this.#require(args[2])
        this.#end(args[3] as boolean)
        return {}
      case 'offsetFetch': {
        const committedOffset = BigInt(this.committed.at(-1) ?? -1)
        const partitions = [{ partitionIndex: 0, committedOffset, metadata: '' }]
        return { topics: [{ name: 'users', partitions }] }
      }
      default:
        throw new Error(`There is no request ${request}.`)
    }
  }

  /** What a broker does with a transaction that is open for longer than its producer said. */
  abortOverdue(): void {
    this.#abort('overdue')
  }

  #identify(current: number): object {
    if (this.#pending !== null) this.#abort('abort')
    if (current === -1 || current === this.#epoch) {
      this.#last = current
      this.#epoch++
    } else if (current !== this.#last) throw failure({ apiId: 'PRODUCER_FENCED' })
    return { producerId: 1n, producerEpoch: this.#epoch }
  }

  #require(epoch: unknown): void {
    if (epoch !== this.#epoch) throw failure({ apiId: 'PRODUCER_FENCED' })
  }

  #end(commit: boolean): void {
    if (this.#pending === null) {
      if (this.#lastEnd !== commit) throw failure({ apiId: 'INVALID_TXN_STATE' })
      return
    }
    this.ended.push(commit ? 'commit' : 'abort')
    if (commit) this.committed.push(...this.#pending)
    this.#pending = null
    this.#lastEnd = commit
  }

  #abort(reason: 'abort' | 'overdue'): void {
    this.ended.push(reason)
    this.#pending = null
    this.#lastEnd = false
    this.#epoch++
    this.#last = -1
  }
}

type Answer = (request: string, args: readonly unknown[]) => Promise<object>

/** One broker that answers with `answer`, and a few tries for what passes. */
function clusterOf(answer: Answer): Cluster {
  const send = (_broker: unknown, request: string, ...args: readonly unknown[]) => answer(request, args)
  const cluster = {
    client: {
      ProtocolError: class extends Error {
        readonly apiId: string
        constructor(apiId: string) {
          super(apiId)
          this.apiId = apiId
        }
      },
      initProducerIdV4: { api: 'initProducerId' },
      addOffsetsToTxnV3: { api: 'addOffsetsToTxn' },
      txnOffsetCommitV3: { api: 'txnOffsetCommit' },
      endTxnV3: { api: 'endTxn' },
      offsetFetchV7: { api: 'offsetFetch' },
    },
    settings: { transactionTimeoutMs: 1_000 },
    connections: { send },
    connect: () => ({ send, close: async () => {} }),
    coordinator: async () => ({ host: 'broker', port: 1 }),
    retrying,
  }
  return cluster as unknown as Cluster
}
