import { expect, it } from 'vitest'
import type { Cluster } from '../../../src/adapters/kafka/cluster.ts'
import { isTransient } from '../../../src/adapters/kafka/errors.ts'
import { GroupMembers } from '../../../src/adapters/kafka/group-members.ts'
import type { Membership } from '../../../src/adapters/kafka/membership.ts'
import { KafkaProducer } from '../../../src/adapters/kafka/producer.ts'

it('commits as the member that owned the partition, also if it joins the group anew meanwhile', async () => {
  const member = {
    options: { group: 'group', topic: 'users' },
    owned: new Map([[0, { partition: 0, epoch: 7, revokeAt: null }]]),
    identity: { generation: 3, memberId: 'before' },
  }
  const members = new GroupMembers()
  members.add(member as unknown as Membership)
  const committedAs: unknown[] = []
  const send = async (_broker: unknown, request: string, ...args: readonly unknown[]) => {
    if (request === 'addOffsetsToTxn') member.identity = { generation: 1, memberId: 'after' }
    if (request === 'txnOffsetCommit') committedAs.push(args.slice(4, 6))
    return request === 'initProducerId' ? { producerId: 1n, producerEpoch: 0 } : {}
  }
  const producer = new KafkaProducer(clusterOf(send), members, 'producer')
  await producer.open()
  await producer.append([], [{ group: 'group', topic: 'users', partition: 0, next: 5, metadata: '', epoch: 7 }])
  // With the new name the broker would take it, though the partition may be another's by now.
  expect(committedAs).toEqual([[3, 'before']])
})

it('goes on when the answer to its new epoch is lost, which fenced the old one', async () => {
  const failure = (facts: object) => Object.assign(new Error('failed'), facts)
  let epoch = 0
  let cuts = 1
  let lost = 3
  const ended: boolean[] = []
  const send = async (_broker: unknown, request: string, ...args: readonly unknown[]) => {
    if (request === 'addOffsetsToTxn' && cuts-- > 0) throw failure({ code: 'PLT_KFK_NETWORK' })
    if (request === 'endTxn') {
      if (args[2] !== epoch) throw failure({ apiId: 'PRODUCER_FENCED' })
      ended.push(args[3] as boolean)
    }
    if (request !== 'initProducerId') return {}
    const [, , , current] = args as [string, number, bigint, number]
    // As a coordinator has it: who asks again with the epoch before the newest is told the newest.
    if (current === epoch || current === -1) epoch++
    else if (current !== epoch - 1) throw failure({ apiId: 'PRODUCER_FENCED' })
    if (current !== -1 && lost-- > 0) throw failure({ code: 'PLT_KFK_NETWORK' })
    return { producerId: 1n, producerEpoch: epoch }
  }
  const producer = new KafkaProducer(clusterOf(send), new GroupMembers(), 'producer')
  await producer.open()
  await producer.append([], [{ group: 'group', topic: 'users', partition: 0, next: 5, metadata: '' }])
  expect(lost).toBe(-1)
  expect(ended).toEqual([false, true])
})

type Send = (broker: unknown, request: string, ...args: readonly unknown[]) => Promise<unknown>

/** One broker that answers with `send`, and a few tries for what passes. */
function clusterOf(send: Send): Cluster {
  const cluster = {
    client: {
      initProducerIdV4: { api: 'initProducerId' },
      addOffsetsToTxnV3: { api: 'addOffsetsToTxn' },
      txnOffsetCommitV3: { api: 'txnOffsetCommit' },
      endTxnV3: { api: 'endTxn' },
    },
    settings: { transactionTimeoutMs: 1_000 },
    connect: () => ({ send, close: async () => {} }),
    coordinator: async () => ({ host: 'broker', port: 1 }),
    async retrying<T>(_doing: string, _place: string, work: () => Promise<T>): Promise<T> {
      for (let tries = 1; ; tries++) {
        try {
          return await work()
        } catch (thrown) {
          if (tries === 10 || !isTransient(thrown)) throw thrown
        }
      }
    },
  }
  return cluster as unknown as Cluster
}
