import type { Broker } from '@platformatic/kafka'
import type { GroupDescription } from '../../ports/log.ts'
import type { Cluster } from './cluster.ts'
import { fetchOffsets } from './group-offsets.ts'
import { decodeAssignment, decodeSubscription } from './group-protocol.ts'

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
  const { client, connections } = cluster
  const coordinators = new Map<string, { broker: Broker; groups: string[] }>()
  for (const name of names) {
    const broker = await cluster.coordinator('group', name)
    const address = `${broker.host}:${broker.port}`
    const entry = coordinators.get(address) ?? { broker, groups: [] }
    entry.groups.push(name)
    coordinators.set(address, entry)
  }
  const members = new Map<string, GroupDescription['members']>()
  for (const { broker, groups } of coordinators.values()) {
    const answer = await connections.send(broker, client.describeGroupsV5.api, groups, false)
    for (const group of answer.groups) members.set(group.groupId, group.members.map(describeMember))
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
  const { client, connections } = cluster
  const broker = await cluster.coordinator('group', group)
  const answer = await connections.send(broker, client.describeGroupsV5.api, [group], false)
  const described = answer.groups.find(each => each.groupId === group)
  if (described?.groupState !== 'Stable') return null
  return new Set(described.members.map(each => describeMember(each).member))
}

interface Member {
  readonly clientId: string
  readonly memberMetadata: Buffer
  readonly memberAssignment: Buffer
}

/** A member of another program, or one in the middle of a rebalance, is shown as far as it can be understood. */
function describeMember({ clientId, memberMetadata, memberAssignment }: Member): GroupDescription['members'][number] {
  return {
    member: understood(() => decodeSubscription(memberMetadata).member) ?? clientId,
    partitions: (understood(() => decodeAssignment(memberAssignment).partitions) ?? []).toSorted((a, b) => a - b),
  }
}

function understood<T>(decode: () => T): T | null {
  try {
    return decode()
  } catch {
    return null
  }
}
