import type { Commit } from '../../ports/log.ts'
import type { Cluster } from './cluster.ts'

/**
 * What a group has committed, by topic and partition. Waits, as a failure that passes, while a transaction with a
 * commit of the group is ending: what was appended is seen.
 * @param topic null for every topic
 */
export async function fetchOffsets(
  cluster: Cluster,
  group: string,
  topic: { readonly name: string; readonly partitions: readonly number[] } | null,
): Promise<Commit[]> {
  const { client } = cluster
  const topics = topic === null ? null : [{ name: topic.name, partitionIndexes: [...topic.partitions] }]
  const answer = await cluster.connections.send(
    await cluster.coordinator('group', group),
    client.offsetFetchV7.api,
    [{ groupId: group, topics }],
    true,
  )
  const found = answer.topics ?? answer.groups.flatMap(each => each.topics)
  return found
    .flatMap(({ name, partitions }) =>
      partitions
        .filter(each => each.committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset, metadata }) => ({
          group,
          topic: name,
          partition: partitionIndex,
          next: Number(committedOffset),
          metadata: metadata ?? '',
        })),
    )
    .toSorted((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
}

/** As whom a member commits. */
export interface GroupIdentity {
  readonly generation: number
  readonly memberId: string
}

/** Of whoever commits without being a member. */
export const outsideOfGroup: GroupIdentity = { generation: -1, memberId: '' }

/** @param identity that of no member is accepted only while the group has none */
export async function commitOffsets(
  cluster: Cluster,
  group: string,
  commits: readonly Commit[],
  identity: GroupIdentity,
): Promise<void> {
  await cluster.connections.send(
    await cluster.coordinator('group', group),
    cluster.client.offsetCommitV8.api,
    group,
    identity.generation,
    identity.memberId,
    null,
    toRequestTopics(commits),
  )
}

export function toRequestTopics(commits: readonly Commit[]) {
  return [...Map.groupBy(commits, commit => commit.topic)].map(([name, commits]) => ({
    name,
    partitions: commits.map(({ partition, next, metadata }) => ({
      partitionIndex: partition,
      committedOffset: BigInt(next),
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    })),
  }))
}
