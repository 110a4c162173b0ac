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

/** @param membership null outside of the group, which brokers accept only while it has no members */
export async function commitOffsets(
  cluster: Cluster,
  group: string,
  commits: readonly Commit[],
  membership: { readonly generation: number; readonly memberId: string } | null,
): Promise<void> {
  const topics = [...Map.groupBy(commits, commit => commit.topic)].map(([name, commits]) => ({
    name,
    partitions: commits.map(({ partition, next, metadata }) => ({
      partitionIndex: partition,
      committedOffset: BigInt(next),
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    })),
  }))
  await cluster.connections.send(
    await cluster.coordinator('group', group),
    cluster.client.offsetCommitV8.api,
    group,
    membership?.generation ?? -1,
    membership?.memberId ?? '',
    null,
    topics,
  )
}
