import { keyColumn, wholeNumberKey } from '../../plan/key-column.ts'
import type { ColumnPlan, StreamPlan, TablePlan, TopicPlan } from '../../plan/plan.ts'
import type { WriterSchema } from '../../ports/writer-schema.ts'
import type { Expression, Relation } from './connect/messages.ts'
import { castSql, expressionSql, quoteText } from './expression-sql.ts'
import { type SparkFunction, sessionSettings, sparkFunctions, topicFunctions } from './session-setup.ts'
import { sparkType } from './types.ts'
import { writerSchemasJson } from './writer-schemas.ts'

/** A stream stage as Spark runs it. */
export interface StageQuery {
  /** To set in the session. */
  readonly settings: { readonly [name: string]: string }
  /** To register in the session. */
  readonly functions: readonly SparkFunction[]
  readonly relation: Relation
}

export interface StageQueryOptions {
  readonly stage: StreamPlan
  readonly topic: TopicPlan
  readonly table: TablePlan
  /** Of every schema id that records of the topic have; one of another id fails the query (`MILLRACE_SCHEMA_UNKNOWN`). */
  readonly writers: ReadonlyMap<number, WriterSchema>
  /** Spark's options of its Kafka source, such as `kafka.bootstrap.servers` and `startingOffsets`. */
  readonly kafka: { readonly [name: string]: string }
}

/** What the sink is told of each record beside the row; no declared column starts with an underscore. */
export const metaColumns = {
  topic: '_topic',
  partition: '_partition',
  offset: '_offset',
  /** The broker's. */
  timestamp: '_timestamp',
  /** Whether the row is to be deleted. */
  deleted: '_deleted',
  /** Whether `where` leaves it out: it is counted, and nothing is written. */
  filtered: '_filtered',
  /** Not null: the record is a dead letter, with this code and reason. */
  code: '_code',
  reason: '_reason',
  key: '_key',
  value: '_value',
  headers: '_headers',
} as const

/** Options of Spark's Kafka source that every stage has. */
export const sourceOptions = {
  includeHeaders: 'true',
  failOnDataLoss: 'true',
  // After each poll Spark asks the broker for the partition's bounds, so a poll takes all that was fetched, not 500 records of it.
  'kafka.max.poll.records': '10000',
} as const

/** Where the query has the decoded record. */
const decodedRecord = 'decoded.value'

const deletes = 'value IS NULL'
const keyText = 'CAST(key AS STRING)'
const keySaysNothing = 'The record deletes its key, and the key does not say which row that is.'
const keyIsNoNumber = 'The record deletes a key that is no whole number.'

/**
 * The query of a stage: read the topic, decode, compute the table's columns. Every record goes through it, since each takes a
 * version: deletes too, those that cannot be processed, with their code and reason, and those that `where` leaves out.
 *
 * @throws MillraceError `PLAN_UNSUPPORTED` for what `refusals` names.
 */
export function stageQuery({ stage, topic, table, writers, kafka }: StageQueryOptions): StageQuery {
  const options = { ...kafka, ...sourceOptions, subscribe: topic.name }
  const records: Relation = { read: { data_source: { format: 'kafka', options }, is_streaming: true } }
  return {
    settings: sessionSettings,
    functions: topicFunctions(topic),
    relation: {
      project: {
        input: decoded(records, topic, writers),
        expressions: columns(stage, topic, table),
      },
    },
  }
}

function decoded(input: Relation, topic: TopicPlan, writers: ReadonlyMap<number, WriterSchema>): Relation {
  const schemas = [writerSchemasJson(writers), JSON.stringify(topic.avro)].map(quoteText).join(', ')
  const asTheyAre = ['topic', 'partition', 'offset', 'timestamp', 'key', 'value', 'headers']
  const record = column('decoded', `${sparkFunctions.decode}(value, ${schemas})`)
  return { project: { input, expressions: [...asTheyAre.map(name => column(name, name)), record] } }
}

/** Whether `where` leaves a record out: what could not be decoded, and deletes, it is not asked about. */
function filteredSql(stage: StreamPlan, topic: TopicPlan): string {
  if (stage.where === null) return 'false'
  const where = expressionSql(stage.where, topic.value, decodedRecord)
  return `decoded.code IS NULL AND value IS NOT NULL AND NOT coalesce(${where}, false)`
}

function columns(stage: StreamPlan, topic: TopicPlan, table: TablePlan): readonly Expression[] {
  const key = keyColumn(stage, topic.key, table)
  const row = table.columns.map(each => {
    const value = columnSql(each, stage, topic)
    return column(each.name, each === key ? `CASE WHEN ${deletes} THEN ${keySql(each)} ELSE ${value} END` : value)
  })
  return [...row, column(metaColumns.filtered, filteredSql(stage, topic)), ...meta(key)]
}

function columnSql({ name, type }: ColumnPlan, stage: StreamPlan, topic: TopicPlan): string {
  const selected = stage.select?.find(each => each.name === name)?.value ?? { kind: 'field', path: [name] }
  return castSql(expressionSql(selected, topic.value, decodedRecord), type)
}

/** A number that the column cannot hold is null, which the sink refuses as a key. */
function keySql({ type }: ColumnPlan): string {
  return isWhole(type) ? `TRY_CAST(${keyText} AS ${sparkType(type)})` : keyText
}

function meta(key: ColumnPlan | null): readonly Expression[] {
  const fault = deleteFault(key)
  const { topic, partition, offset, timestamp, deleted, code, reason, key: bytes, value, headers } = metaColumns
  return [
    ...[
      column(topic, 'topic'),
      column(partition, 'partition'),
      column(offset, 'offset'),
      column(timestamp, 'timestamp'),
    ],
    column(deleted, deletes),
    column(code, `CASE WHEN ${fault} IS NOT NULL THEN 'RECORD_REJECTED' ELSE decoded.code END`),
    column(reason, `coalesce(${fault}, decoded.reason)`),
    ...[column(bytes, 'key'), column(value, 'value'), column(headers, 'headers')],
  ]
}

/** Why a delete cannot be done, in the words of a stage on Node; null for every other record. */
function deleteFault(key: ColumnPlan | null): string {
  if (key === null) return `CASE WHEN ${deletes} THEN ${quoteText(keySaysNothing)} END`
  const missing = `WHEN ${deletes} AND key IS NULL THEN ${quoteText(keySaysNothing)}`
  if (!isWhole(key.type)) return `CASE ${missing} END`
  const whole = `${keyText} RLIKE ${quoteText(`^${wholeNumberKey}\\z`)}`
  return `CASE ${missing} WHEN ${deletes} AND NOT ${whole} THEN ${quoteText(keyIsNoNumber)} END`
}

function isWhole({ kind }: ColumnPlan['type']): boolean {
  return kind === 'int' || kind === 'long'
}

function column(name: string, expression: string): Expression {
  return { alias: { expr: { expression_string: { expression } }, name: [name] } }
}
