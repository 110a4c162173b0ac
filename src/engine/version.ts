/**
 * The version of the next record of a partition: microseconds since 1970, strictly increasing along the partition
 * and close to real time. It orders writes of one key wherever they come from (Cassandra's write timestamp).
 *
 * It is given when a record is read, from the version before it, which is kept with the checkpoint; so a redelivered
 * record gets the version it had, and never a lower one than a predecessor.
 *
 * @param previous version of the record before it in the partition; 0 for the first
 * @param appendedAt the log's append time in milliseconds
 * @param now this machine's time in milliseconds; an append time ahead of it is not believed
 */
export function nextVersion(previous: number, appendedAt: number, now: number): number {
  return Math.max(previous + 1, Math.min(appendedAt, now) * 1000)
}
