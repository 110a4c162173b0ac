import type { LogFile } from './log-file.ts'

/** Stored batches looked at for each partition of an append: more than it adds, so that deletion catches up. */
const batchesAtOnce = 16

interface OldBatch {
  id: number
  next_offset: number
  timestamp: number
  start_offset: number
}

/**
 * Deletes whole batches from the start of a partition: those appended before `cutoff`, and those wholly before its
 * start offset. Runs inside the caller's transaction. Returns the number deleted, at most 16.
 */
export function deleteOldest(file: LogFile, topicId: number, partition: number, cutoff: number): number {
  const oldest = file.all<OldBatch>(
    `SELECT id, next_offset, timestamp, start_offset
     FROM batches JOIN partitions USING (topic_id, partition)
     WHERE topic_id = ? AND partition = ? ORDER BY next_offset LIMIT ${batchesAtOnce}`,
    topicId,
    partition,
  )
  let deleted = 0
  let start = 0
  for (const batch of oldest) {
    if (batch.timestamp >= cutoff && batch.next_offset > batch.start_offset) break
    file.run('DELETE FROM batches WHERE id = ?', batch.id)
    start = batch.next_offset
    deleted++
  }
  if (deleted > 0) moveStart(file, topicId, partition, start)
  return deleted
}

/** Never moves it back. */
export function moveStart(file: LogFile, topicId: number, partition: number, start: number): void {
  file.run(
    'UPDATE partitions SET start_offset = max(start_offset, ?) WHERE topic_id = ? AND partition = ?',
    start,
    topicId,
    partition,
  )
}
