import type { StreamPlan, TablePlan, TopicPlan } from '../plan/plan.ts'
import type { Clock } from '../ports/clock.ts'
import type { Batch, LogRecord } from '../ports/log.ts'
import type { Row } from '../ports/table.ts'
import { asMillraceError, MillraceError } from '../sdk/errors.ts'
import type { Decoder } from './codec.ts'
import { type FailedRecord, replayVersion } from './dead-letters.ts'
import type { StepTimer } from './progress.ts'
import { compileKeyRow, compileRow, compileTransform, type MapFunction } from './transform.ts'
import { nextVersion } from './version.ts'

/** What a batch turned into. */
export interface ProcessedBatch {
  readonly rows: readonly Row[]
  /** The record that each row came from, by the row's index. */
  readonly sources: readonly LogRecord[]
  readonly failed: readonly FailedRecord[]
  readonly filtered: number
  readonly bytesIn: number
  /** Of the batch's last record; of the one before the batch if it has none. */
  readonly version: number
}

/** What is processed of a batch. */
export type BatchRecords = Pick<Batch, 'topic' | 'partition' | 'records'>

/**
 * Records to rows: decode, then transform. A record that fails either becomes a failed record and the rest goes on.
 *
 * @throws MillraceError only for what concerns no single record, such as a registry that does not answer.
 */
export type ProcessBatch = (batch: BatchRecords, previousVersion: number, timer: StepTimer) => Promise<ProcessedBatch>

export interface StreamDeclaration {
  readonly stage: StreamPlan
  readonly topic: TopicPlan
  readonly table: TablePlan
  /** The function of the stage's `map`, if it has one. */
  readonly map: MapFunction | null
}

export function compileBatch(declaration: StreamDeclaration, decoder: Decoder, clock: Clock): ProcessBatch {
  const { stage, topic, table } = declaration
  const transform = compileTransform(stage, declaration.map, topic.value, rowNode(table))
  const toValues = compileRow(table)
  const toKeyRow = compileKeyRow(stage, topic.key, table)

  const deleted = (record: LogRecord): unknown[] => {
    if (record.key !== null && toKeyRow !== null) return toKeyRow(record.key)
    throw new MillraceError(
      'RECORD_REJECTED',
      `The record deletes its key, and the key does not say which row that is.`,
      {
        fix: `Key the topic by the table's primary key (${table.primaryKey.join(', ')}).`,
      },
    )
  }

  return async (batch, previousVersion, timer) => {
    await decoder.prepare(batch.records)
    const failed: FailedRecord[] = []
    const now = clock.now()
    const decoded = new Array<DecodedRecord>(batch.records.length)
    let version = previousVersion
    let bytesIn = 0
    let kept = 0
    const fail = (record: LogRecord, recordVersion: number, thrown: unknown) =>
      failed.push(failedRecord(batch, record, recordVersion, asMillraceError(thrown, 'RECORD_UNDECODABLE')))

    for (const record of batch.records) {
      version = nextVersion(version, record.timestamp, now)
      // A replayed record is later in the log than it was: a higher version than its place there has is not ours.
      const own = Math.min(replayVersion(record.headers) ?? version, version)
      bytesIn += bytesOf(record)
      try {
        const value = record.value === null ? null : decoder.decode(record.value)
        decoded[kept++] = { record, value, version: own }
      } catch (thrown) {
        fail(record, own, thrown)
      }
    }
    timer.lap('decode')

    const rows: Row[] = []
    const sources: LogRecord[] = []
    let filtered = 0
    for (let index = 0; index < kept; index++) {
      const { record, value, version: own } = decoded[index]!
      try {
        if (value === null) {
          rows.push({ values: deleted(record), version: own, deleted: true })
        } else {
          const output = transform(value)
          if (output === null) {
            filtered += 1
            continue
          }
          rows.push({ values: toValues(output), version: own })
        }
        sources.push(record)
      } catch (thrown) {
        fail(record, own, thrown)
      }
    }
    timer.lap('transform')
    return { rows, sources, failed, filtered, bytesIn, version }
  }
}

function bytesOf({ key, value, headers }: LogRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0)
  for (const name in headers) bytes += name.length + headers[name]!.length
  return bytes
}

interface DecodedRecord {
  readonly record: LogRecord
  readonly value: { readonly [field: string]: unknown } | null
  readonly version: number
}

export function failedRecord(
  batch: BatchRecords,
  record: LogRecord,
  version: number,
  error: MillraceError,
): FailedRecord {
  const { topic, partition } = batch
  const { offset, key, value, headers } = record
  return { origin: { kind: 'topic', topic, partition, offset, version }, error, key, value, headers }
}

/** A table's row as a record type, to check what `map` returns. */
function rowNode(table: TablePlan) {
  return {
    kind: 'record' as const,
    name: table.name,
    fields: table.columns.map(({ name, type, nullable }) => ({
      name,
      type: nullable ? { kind: 'optional' as const, of: type } : type,
    })),
  }
}
