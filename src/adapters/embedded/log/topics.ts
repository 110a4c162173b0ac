import type { PartitionRange, TopicSpec } from '../../../ports/log.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import type { LogFile } from './log-file.ts'

const maxPartitions = 10_000
const maxRecordBytesLimit = 256 * 1024 * 1024

export interface Topic extends TopicSpec {
  readonly id: number
}

interface TopicRow {
  id: number
  name: string
  partitions: number
  replication: number
  retention_ms: number
  max_record_bytes: number
}

function topicOf(row: TopicRow): Topic {
  return {
    id: row.id,
    name: row.name,
    partitions: row.partitions,
    replication: row.replication,
    retentionMs: row.retention_ms,
    maxRecordBytes: row.max_record_bytes,
  }
}

export function findTopic(file: LogFile, name: string): Topic | null {
  const row = file.get<TopicRow>('SELECT * FROM topics WHERE name = ?', name)
  return row === undefined ? null : topicOf(row)
}

/** @throws MillraceError `TOPIC_UNKNOWN`. */
export function requireTopic(file: LogFile, name: string): Topic {
  const topic = findTopic(file, name)
  if (topic !== null) return topic
  throw new MillraceError('TOPIC_UNKNOWN', `There is no topic ${name}.`, {
    place: name,
    fix: 'Create it by applying the plan of its pipeline.',
  })
}

/** @throws MillraceError `TOPIC_UNKNOWN`, as Kafka does for a partition that a topic does not have. */
export function requirePartition(topic: TopicSpec, partition: number): void {
  if (Number.isInteger(partition) && partition >= 0 && partition < topic.partitions) return
  throw new MillraceError('TOPIC_UNKNOWN', `Topic ${topic.name} has no partition ${partition}.`, {
    place: `${topic.name}[${partition}]`,
    fix: `Use one of 0 to ${topic.partitions - 1}.`,
  })
}

export function topicsAfter(file: LogFile, name: string, limit: number): Topic[] {
  return file.all<TopicRow>('SELECT * FROM topics WHERE name > ? ORDER BY name LIMIT ?', name, limit).map(topicOf)
}

/** @throws MillraceError `NAME_DUPLICATE`, `NAME_INVALID`, `CONFIG_INVALID`. */
export function createTopic(file: LogFile, spec: TopicSpec): void {
  checkSpec(spec)
  file.write(() => {
    if (findTopic(file, spec.name) !== null) {
      throw new MillraceError('NAME_DUPLICATE', `Topic ${spec.name} exists already.`, { place: spec.name })
    }
    file.run(
      `INSERT INTO topics (name, partitions, replication, retention_ms, max_record_bytes) VALUES (?, ?, ?, ?, ?)`,
      spec.name,
      spec.partitions,
      spec.replication,
      spec.retentionMs,
      spec.maxRecordBytes,
    )
    addPartitions(file, requireTopic(file, spec.name).id, 0, spec.partitions)
  })
}

/** @throws MillraceError `TOPIC_UNKNOWN`, `PLAN_INCOMPATIBLE`, `CONFIG_INVALID`. */
export function alterTopic(file: LogFile, spec: TopicSpec): void {
  checkSpec(spec)
  file.write(() => {
    const topic = requireTopic(file, spec.name)
    if (spec.partitions < topic.partitions) {
      throw new MillraceError(
        'PLAN_INCOMPATIBLE',
        `Topic ${spec.name} has ${topic.partitions} partitions; it cannot go down to ${spec.partitions}.`,
        { place: spec.name, fix: `Declare ${topic.partitions} partitions or more, or use a new topic.` },
      )
    }
    file.run(
      `UPDATE topics SET partitions = ?, replication = ?, retention_ms = ?, max_record_bytes = ? WHERE id = ?`,
      spec.partitions,
      spec.replication,
      spec.retentionMs,
      spec.maxRecordBytes,
      topic.id,
    )
    addPartitions(file, topic.id, topic.partitions, spec.partitions)
  })
}

function addPartitions(file: LogFile, topicId: number, from: number, to: number): void {
  for (let partition = from; partition < to; partition++) {
    file.run('INSERT INTO partitions VALUES (?, ?, 0, 0)', topicId, partition)
  }
}

export function rangesOf(file: LogFile, topicId: number): PartitionRange[] {
  const rows = file.all<PartitionRange>(
    `SELECT partition, start_offset AS start, end_offset AS "end" FROM partitions WHERE topic_id = ? ORDER BY partition`,
    topicId,
  )
  return rows.map(({ partition, start, end }) => ({ partition, start, end }))
}

/** Kafka's rules, so that a pipeline that runs here runs there. */
function checkSpec(spec: TopicSpec): void {
  const { name } = spec
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
    throw new MillraceError('NAME_INVALID', `${JSON.stringify(name)} cannot be a topic's name.`, {
      fix: 'Use up to 249 letters, digits, dots, hyphens and underscores.',
    })
  }
  checkWhole(spec, 'partitions', 1, maxPartitions)
  checkWhole(spec, 'replication', 1, 32_767)
  checkWhole(spec, 'retentionMs', 0, Number.MAX_SAFE_INTEGER)
  checkWhole(spec, 'maxRecordBytes', 1, maxRecordBytesLimit)
}

function checkWhole(
  spec: TopicSpec,
  setting: 'partitions' | 'replication' | 'retentionMs' | 'maxRecordBytes',
  least: number,
  most: number,
): void {
  const value = spec[setting]
  if (Number.isSafeInteger(value) && value >= least && value <= most) return
  throw new MillraceError('CONFIG_INVALID', `${setting} of topic ${spec.name} is ${value}.`, {
    place: spec.name,
    fix: `Use a whole number from ${least} to ${most}.`,
  })
}
