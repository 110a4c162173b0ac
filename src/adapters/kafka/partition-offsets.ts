import type { PartitionRange } from '../../ports/log.ts'
import type { Cluster } from './cluster.ts'

const readCommitted = 1
export const earliest = -2n
export const latest = -1n

/**
 * The offset for a time, by partition: the first record at or after it, -1 where there is none, or `earliest` or `latest`.
 * What is not committed yet is not there.
 */
export async function offsetsFor(cluster: Cluster, topic: string, timestamp: bigint): Promise<readonly number[]> {
  const { client } = cluster
  const { leaders } = await cluster.topic(topic)
  const byLeader = Map.groupBy(leaders.keys(), partition => leaders[partition]!)
  const offsets = leaders.map(() => -1)
  for (const partitions of byLeader.values()) {
    const answer = await cluster.connections.send(
      await cluster.leader(topic, partitions[0]!),
      client.listOffsetsV6.api,
      -1,
      readCommitted,
      [
        {
          name: topic,
          partitions: partitions.map(partitionIndex => ({ partitionIndex, currentLeaderEpoch: -1, timestamp })),
        },
      ],
    )
    for (const { partitionIndex, offset } of answer.topics.flatMap(each => each.partitions)) {
      offsets[partitionIndex] = Number(offset)
    }
  }
  return offsets
}

export async function rangesOf(cluster: Cluster, topic: string): Promise<PartitionRange[]> {
  const starts = await offsetsFor(cluster, topic, earliest)
  const ends = await offsetsFor(cluster, topic, latest)
  return ends.map((end, partition) => ({ partition, start: starts[partition] ?? end, end }))
}
