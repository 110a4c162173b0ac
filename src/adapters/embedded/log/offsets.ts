import type { Commit, Committed } from '../../../ports/log.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import type { LogFile } from './log-file.ts'
import { requirePartition, requireTopic } from './topics.ts'

/** Kafka's limit (`offset.metadata.max.bytes`). */
const maxMetadataBytes = 4096

/** Stores a group's offset inside the caller's transaction. @throws MillraceError `TOPIC_UNKNOWN`. */
export function storeOffset(file: LogFile, commit: Commit): void {
  const topic = requireTopic(file, commit.topic)
  requirePartition(topic, commit.partition)
  const bytes = Buffer.byteLength(commit.metadata)
  if (!Number.isSafeInteger(commit.next) || commit.next < 0 || bytes > maxMetadataBytes) {
    throw new MillraceError(
      'INVARIANT_BROKEN',
      `Offset ${commit.next} with ${bytes} bytes of metadata was committed.`,
      {
        place: `${commit.group}, ${commit.topic}[${commit.partition}]`,
        fix: `Offsets are whole numbers from 0 on, their metadata at most ${maxMetadataBytes} bytes.`,
      },
    )
  }
  file.run('INSERT OR IGNORE INTO groups (name) VALUES (?)', commit.group)
  file.run(
    'INSERT OR REPLACE INTO offsets VALUES (?, ?, ?, ?, ?)',
    commit.group,
    topic.id,
    commit.partition,
    commit.next,
    commit.metadata,
  )
}

export function committedOffset(file: LogFile, group: string, topicId: number, partition: number): Committed | null {
  const row = file.get<Committed>(
    `SELECT next_offset AS next, metadata FROM offsets WHERE group_name = ? AND topic_id = ? AND partition = ?`,
    group,
    topicId,
    partition,
  )
  return row === undefined ? null : { next: row.next, metadata: row.metadata }
}

/** By topic and partition. */
export function committedOffsets(file: LogFile, group: string): Commit[] {
  const rows = file.all<Commit>(
    `SELECT group_name AS "group", topics.name AS topic, partition, next_offset AS next, metadata
     FROM offsets JOIN topics ON topics.id = topic_id
     WHERE group_name = ? ORDER BY topics.name, partition`,
    group,
  )
  // SQLite's rows have no prototype; what leaves the adapter are plain objects.
  return rows.map(row => ({ ...row }))
}
