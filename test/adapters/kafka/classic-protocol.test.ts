import { describe, expect, it } from 'vitest'
import { ClassicProtocol } from '../../../src/adapters/kafka/classic-protocol.ts'
import type { Cluster } from '../../../src/adapters/kafka/cluster.ts'
import { decodeSubscription, encodeAssignment } from '../../../src/adapters/kafka/group-protocol.ts'

class ProtocolError extends Error {
  readonly apiId: string
  constructor(apiId: string) {
    super(apiId)
    this.apiId = apiId
  }
}

/** A coordinator that answers as told, and the requests that it got. */
function classicMember(answers: { readonly [request: string]: unknown }) {
  const requests: [string, ...unknown[]][] = []
  const send = async (_broker: unknown, request: string, ...args: readonly unknown[]) => {
    requests.push([request, ...args])
    const answer = answers[request]
    if (answer instanceof Error) throw answer
    return answer
  }
  const client = new Proxy(
    { ProtocolError },
    { get: (known, name) => Reflect.get(known, name) ?? { api: String(name).replace(/V\d+$/, '') } },
  )
  const broker = { host: 'broker', port: 1 }
  const cluster = {
    ...{ client, settings: { connection: { requestTimeout: 1_000 } }, connections: { send } },
    connect: () => ({ send, close: async () => {} }),
    coordinator: async () => broker,
    topic: async () => ({ leaders: [1] }),
    hasConsumerGroups: async () => true,
  }
  const options = { group: 'group', topic: 'users', member: 'one', sessionTimeoutMs: 10_000, drainTimeoutMs: 5_000 }
  return { protocol: new ClassicProtocol(cluster as unknown as Cluster, options), requests }
}

const noGroup = new ProtocolError('GROUP_ID_NOT_FOUND')
const noOffsets = { topics: [] }
const joined = { memberId: 'one-1', leader: 'another', generationId: 3, members: [] }

describe('a member of a group in which one member shares partitions out', () => {
  it('tells the leader of the highest epoch that is beside the offsets, whoever left it there', async () => {
    const partitions = [{ partitionIndex: 0, committedOffset: 5n, metadata: 'text\nepoch 4000' }]
    const { protocol, requests } = classicMember({
      consumerGroupDescribe: noGroup,
      offsetFetch: { topics: [{ name: 'users', partitions }] },
      joinGroup: joined,
      syncGroup: { assignment: encodeAssignment({ topic: 'users', partitions: [0], epoch: 4_001 }) },
    })
    expect(await protocol.round([])).toMatchObject({ partitions: [0], epoch: 4_001 })
    const [{ metadata }] = requests.find(([request]) => request === 'joinGroup')![7] as [{ metadata: Buffer }]
    expect(decodeSubscription(metadata).highestEpoch).toBe(4_000)
  })

  it('does not join members of the newer protocol, and says that it waits', async () => {
    const member = { memberId: 'other', clientId: 'other', assignment: { topicPartitions: [] } }
    const { protocol, requests } = classicMember({ consumerGroupDescribe: { groups: [{ members: [member] }] } })
    await expect(protocol.round([])).rejects.toMatchObject({ code: 'RUN_STATE', retry: 'later', place: 'group' })
    expect(requests.map(([request]) => request)).toEqual(['consumerGroupDescribe'])
    expect(protocol.due).toBe(true)
  })

  it('leaves a group that became one of the newer protocol while it joined: what brokers assign has no epoch', async () => {
    // Version 1, one topic of one letter with partition 0, no user data.
    const assignment = Buffer.from([0, 1, 0, 0, 0, 1, 0, 1, 0x61, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    const { protocol, requests } = classicMember({
      ...{ consumerGroupDescribe: noGroup, offsetFetch: noOffsets, joinGroup: joined },
      ...{ syncGroup: { assignment }, leaveGroup: {} },
    })
    const failure = await protocol.round([]).catch((error: unknown) => error)
    expect(protocol.onFailure(failure)).toBe('lost')
    expect(requests.at(-1)).toEqual(['leaveGroup', 'group', [{ memberId: 'one-1' }]])
    expect(protocol.identity.memberId).toBe('')
  })
})
