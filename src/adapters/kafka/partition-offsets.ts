import type { PartitionRange } from '../../ports/log.ts'
import type { Cluster } from './cluster.ts'

const earliest = -2n
const latest = -1n
const isolation = { uncommitted: 0, committed: 1 } as const
/** How long an open transaction is waited for, in milliseconds: one of a process that vanished stays open for a minute. */
const settleMs = 3_000

/**
 * The offset for a time, by partition: the first record at or after it, -1 where there is none, or `earliest` or `latest`.
 * What is not committed yet is not there, unless it is asked for.
 */
export async function offsetsFor(
  cluster: Cluster,
  topic: string,
  timestamp: bigint,
  isolationLevel: number = isolation.committed,
): Promise<readonly number[]> {
  const { client } = cluster
  const { leaders } = await cluster.topic(topic)
  const byLeader = Map.groupBy(leaders.keys(), partition => leaders[partition]!)
  const offsets = leaders.map(() => -1)
  for (const partitions of byLeader.values()) {
    const answer = await cluster.connections.send(
      await cluster.leader(topic, partitions[0]!),
      client.listOffsetsV6.api,
      -1,
      isolationLevel,
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

/**
 * The ranges, with everything in them that was appended before the call. The end of a transaction is answered before its
 * markers are written, a few milliseconds later, and until then its records are not there for readers.
 */
export async function settledRangesOf(cluster: Cluster, topic: string): Promise<PartitionRange[]> {
  const startedAt = cluster.clock.elapsed()
  const written = await offsetsFor(cluster, topic, latest, isolation.uncommitted)
  for (let rounds = 0; ; rounds++) {
    const ranges = await rangesOf(cluster, topic)
    const isSettled = written.every((offset, partition) => offset <= (ranges[partition]?.end ?? 0))
    if (isSettled || cluster.clock.elapsed() - startedAt > settleMs) return ranges
    await cluster.pause(rounds, 1)
  }
}
