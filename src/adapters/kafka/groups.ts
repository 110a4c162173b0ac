import type { Broker } from '@platformatic/kafka'
import type { GroupDescription } from '../../ports/log.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Cluster } from './cluster.ts'
import { meaningOf } from './errors.ts'
import { fetchOffsets, type GroupProtocolName } from './group-offsets.ts'
import { decodeAssignment, decodeSubscription } from './group-protocol.ts'
import { memberIn } from './member-id.ts'

/** Of every broker, since each knows those it coordinates. */
export async function listGroups(cluster: Cluster): Promise<string[]> {
  const { client, connections } = cluster
  const names = new Set<string>()
  for (const broker of await cluster.brokers()) {
    const answer = await connections.send(broker, client.listGroupsV3.api, [], [])
    for (const { groupId } of answer.groups) names.add(groupId)
  }
  return [...names]
}

export async function describeGroups(cluster: Cluster, names: readonly string[]): Promise<GroupDescription[]> {
  const coordinators = new Map<string, { broker: Broker; groups: string[] }>()
  for (const name of names) {
    const broker = await cluster.coordinator('group', name)
    const address = `${broker.host}:${broker.port}`
    const entry = coordinators.get(address) ?? { broker, groups: [] }
    entry.groups.push(name)
    coordinators.set(address, entry)
  }
  const members = new Map<string, Members>()
  for (const { broker, groups } of coordinators.values()) {
    for (const described of await describeClassic(cluster, broker, groups)) {
      const { groupId } = described
      members.set(groupId, described.members.map(describeMember))
      // So brokers speak of a group of the newer protocol, and of one that is not there.
      if (described.groupState !== 'Dead') continue
      const ofConsumers = await consumerMembers(cluster, broker, groupId)
      if (ofConsumers !== null) members.set(groupId, ofConsumers)
    }
  }
  const descriptions: GroupDescription[] = []
  for (const group of names) {
    const offsets = await fetchOffsets(cluster, group, null)
    descriptions.push({ group, members: members.get(group) ?? [], offsets })
  }
  return descriptions
}

/** The names of a group's members; null while it is sharing partitions out, when brokers do not say them. */
export async function memberNames(cluster: Cluster, group: string): Promise<ReadonlySet<string> | null> {
  const broker = await cluster.coordinator('group', group)
  const [described] = await describeClassic(cluster, broker, [group])
  const members =
    described?.groupState === 'Stable'
      ? described.members.map(describeMember)
      : await consumerMembers(cluster, broker, group)
  return members === null ? null : new Set(members.map(each => each.member))
}

/**
 * Members of one group talk the same protocol: those of the other are waited for.
 * @throws MillraceError `RUN_STATE`, to be tried again later, while there are any.
 */
export async function requireNoOthers(cluster: Cluster, group: string, protocol: GroupProtocolName): Promise<void> {
  const broker = await cluster.coordinator('group', group)
  const others =
    protocol === 'consumer'
      ? (await describeClassic(cluster, broker, [group])).flatMap(each => each.members)
      : ((await consumerMembers(cluster, broker, group)) ?? [])
  if (others.length === 0) return
  const theirs = protocol === 'consumer' ? 'classic' : 'consumer'
  throw new MillraceError('RUN_STATE', `The members of group ${group} use the ${theirs} group protocol.`, {
    place: group,
    fix: `This one joins when they have ended. To join them, set \`groups: '${theirs}'\` for the target's log.`,
    retry: 'later',
  })
}

async function describeClassic({ client, connections }: Cluster, broker: Broker, groups: readonly string[]) {
  const answer = await connections.send(broker, client.describeGroupsV5.api, [...groups], false)
  return answer.groups
}

/** Null if it is no group of the newer protocol. */
async function consumerMembers(cluster: Cluster, broker: Broker, group: string): Promise<Members | null> {
  if (!(await cluster.hasConsumerGroups())) return null
  const { client, connections } = cluster
  try {
    const answer = await connections.send(broker, client.consumerGroupDescribeV0.api, [group], false)
    const members = answer.groups.flatMap(each => each.members)
    return members.map(({ memberId, clientId, assignment }) => ({
      member: memberIn(memberId) ?? clientId,
      partitions: assignment.topicPartitions.flatMap(each => each.partitions).toSorted((a, b) => a - b),
    }))
  } catch (thrown) {
    if (meaningOf(thrown)?.name === 'GROUP_ID_NOT_FOUND') return null
    throw thrown
  }
}

type Members = GroupDescription['members']

interface Member {
  readonly clientId: string
  readonly memberMetadata: Buffer
  readonly memberAssignment: Buffer
}

/** A member of another program, or one in the middle of a rebalance, is shown as far as it can be understood. */
function describeMember({ clientId, memberMetadata, memberAssignment }: Member): Members[number] {
  return {
    member: understood(() => decodeSubscription(memberMetadata).member) ?? clientId,
    partitions: (understood(() => decodeAssignment(memberAssignment)?.partitions) ?? []).toSorted((a, b) => a - b),
  }
}

function understood<T>(decode: () => T | undefined): T | null {
  try {
    return decode() ?? null
  } catch {
    return null
  }
}
