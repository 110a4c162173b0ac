import { expect, it } from 'vitest'
import type { Cluster } from '../../../src/adapters/kafka/cluster.ts'
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
    retrying: (_doing: string, _place: string, work: () => Promise<unknown>) => work(),
  }
  const producer = new KafkaProducer(cluster as unknown as Cluster, members, 'producer')
  await producer.open()
  await producer.append([], [{ group: 'group', topic: 'users', partition: 0, next: 5, metadata: '', epoch: 7 }])
  // With the new name the broker would take it, though the partition may be another's by now.
  expect(committedAs).toEqual([[3, 'before']])
})
