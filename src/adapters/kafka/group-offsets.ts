import type { Commit } from '../../ports/log.ts'
import type { Cluster } from './cluster.ts'
import { decodeKept, encodeKept } from './epochs.ts'

/** An offset of a group, with the epoch of whoever committed it. */
export interface StoredOffset {
  readonly topic: string
  readonly partition: number
  readonly next: number
  /** Null where nothing is committed: `next` is only where the log began when an owner wrote down its epoch. */
  readonly metadata: string | null
  /** 0 for a commit of Spark's, or of another tool. */
  readonly epoch: number
}

/** Null for every topic. */
type TopicPartitions = { readonly name: string; readonly partitions: readonly number[] } | null

/**
 * What a group has committed, by topic and partition. Waits, as a failure that passes, while a transaction with a
 * commit of the group is ending: what was appended is seen.
 * @param topic null for every topic
 */
export async function fetchOffsets(cluster: Cluster, group: string, topic: TopicPartitions): Promise<Commit[]> {
  return (await fetchStored(cluster, group, topic)).flatMap(stored => toCommit(group, stored) ?? [])
}

/** Null where nothing is committed. */
export function toCommit(group: string, { topic, partition, next, metadata }: StoredOffset): Commit | null {
  return metadata === null ? null : { group, topic, partition, next, metadata }
}

/** @param stable whether to wait, as a failure that passes, while a transaction with a commit of the group is ending */
export async function fetchStored(
  cluster: Cluster,
  group: string,
  topic: TopicPartitions,
  stable = true,
): Promise<StoredOffset[]> {
  const { client } = cluster
  const topics = topic === null ? null : [{ name: topic.name, partitionIndexes: [...topic.partitions] }]
  const answer = await cluster.connections.send(
    await cluster.coordinator('group', group),
    client.offsetFetchV7.api,
    [{ groupId: group, topics }],
    stable,
  )
  const found = answer.topics ?? answer.groups.flatMap(each => each.topics)
  return found
    .flatMap(({ name, partitions }) =>
      partitions
        .filter(each => each.committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset, metadata }) => {
          const { text, epoch } = decodeKept(metadata ?? '')
          return { topic: name, partition: partitionIndex, next: Number(committedOffset), metadata: text, epoch }
        }),
    )
    .toSorted((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
}

export type GroupProtocolName = 'classic' | 'consumer'

/** As whom a member commits. */
export interface GroupIdentity {
  readonly protocol: GroupProtocolName
  /** Of the group, or in the newer protocol the member's epoch. */
  readonly generation: number
  readonly memberId: string
}

/** Of whoever commits without being a member. */
export const outsideOfGroup: GroupIdentity = { protocol: 'classic', generation: -1, memberId: '' }

/** @param identity that of no member is accepted only while the group has none */
export async function commitOffsets(
  cluster: Cluster,
  group: string,
  commits: readonly OffsetCommit[],
  identity: GroupIdentity,
): Promise<void> {
  const { client } = cluster
  const { protocol, generation, memberId } = identity
  // Members of the newer protocol are refused an older version; brokers before 3.7 know no newer one.
  const { api } = protocol === 'consumer' ? client.offsetCommitV9 : client.offsetCommitV8
  const coordinator = await cluster.coordinator('group', group)
  await cluster.connections.send(coordinator, api, group, generation, memberId, null, toRequestTopics(commits))
}

/** A commit, or with null as its metadata only an epoch. */
export type OffsetCommit = Omit<Commit, 'group' | 'metadata'> & { readonly metadata: string | null }

export function toRequestTopics(commits: readonly OffsetCommit[]) {
  return [...Map.groupBy(commits, commit => commit.topic)].map(([name, commits]) => ({
    name,
    partitions: commits.map(({ partition, next, metadata, epoch }) => ({
      partitionIndex: partition,
      committedOffset: BigInt(next),
      committedLeaderEpoch: -1,
      committedMetadata: epoch === undefined ? metadata : encodeKept({ text: metadata, epoch }),
    })),
  }))
}
