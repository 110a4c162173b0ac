import type { Row } from '../../../src/adapters/spark/connect/arrow/stream.ts'
import type { Expression, Relation } from '../../../src/adapters/spark/connect/messages.ts'
import type { Session } from '../../../src/adapters/spark/connect/session.ts'
import { castSql, expressionSql } from '../../../src/adapters/spark/expression-sql.ts'
import { metaColumns, type StageQuery, stageQuery } from '../../../src/adapters/spark/stage-query.ts'
import { quoteName } from '../../../src/adapters/spark/types.ts'
import { createDecoder, createEncoder } from '../../../src/engine/codec.ts'
import { StepTimer } from '../../../src/engine/progress.ts'
import { compileBatch, type StreamDeclaration } from '../../../src/engine/stream-batch.ts'
import { parseAvro } from '../../../src/plan/avro-schema.ts'
import { compileExpression } from '../../../src/plan/evaluate.ts'
import { typeOf, type ValueType } from '../../../src/plan/expression-types.ts'
import type { TopicPlan } from '../../../src/plan/plan.ts'
import type { LogRecord } from '../../../src/ports/log.ts'
import type { ExpressionNode } from '../../../src/sdk/nodes.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'
import { registryOf } from '../../engine/codec-fixture.ts'

export type AnyRecord = { readonly [field: string]: unknown }

/** Where an expression computed by its closure and by Spark differ; empty where they do not. */
export async function expressionDifferences(
  session: Session,
  topic: TopicPlan,
  expressions: readonly ExpressionNode[],
  records: readonly AnyRecord[],
): Promise<readonly string[]> {
  const encoder = createEncoder({ node: topic.value, avro: topic.avro, schemaId: 1 })
  const log = records.map((record, offset) => logRecord(offset, null, encoder.encode(record)))
  const differences: string[] = []
  for await (const row of computed(session, topic, expressions, log)) {
    const record = records[Number(row.offset)]!
    for (const [index, node] of expressions.entries()) {
      const ours = comparable(compileExpression(node, topic.value)(record))
      const theirs = comparable(row[`e${index}`])
      if (Object.is(ours, theirs)) continue
      differences.push(`${JSON.stringify(node)} of ${JSON.stringify(record)}: ${show(ours)}, in Spark ${show(theirs)}`)
    }
  }
  return differences
}

/** Expressions over the records of a topic, computed by Spark: the offset, the decoder's code, and `e0`, `e1`, … */
export async function* computed(
  session: Session,
  topic: TopicPlan,
  expressions: readonly ExpressionNode[],
  log: readonly LogRecord[],
): AsyncGenerator<Row> {
  const query = queryOf({ topic, stage: noTransform, table: noTable })
  await prepare(session, query)
  const columns = expressions.map((node, index) => {
    const sql = expressionSql(node, topic.value, 'decoded.value')
    return aliased(`e${index}`, comparableSql(sql, typeOf(node, topic.value).type))
  })
  const input = withSource(query.relation.project!.input, log)
  yield* session.rows({
    project: { input, expressions: [aliased('offset', 'offset'), aliased('code', 'decoded.code'), ...columns] },
  })
}

/** What becomes of each record: its row, its row's deletion, its dead letter, or nothing. By offset. */
type Outcomes = ReadonlyMap<number, string>

/** A stage on Node. */
export async function outcomesOnNode(declaration: StreamDeclaration, log: readonly LogRecord[]): Promise<Outcomes> {
  const { topic, table } = declaration
  const decoder = createDecoder({ node: topic.value, avro: topic.avro, registry: registryOf([{ schema: topic.avro }]) })
  const clock = virtualClock()
  const batch = { kind: 'batch', topic: topic.name, partition: 0, epoch: 1, records: log, next: 0, end: 0 } as const
  const { rows, sources, failed } = await compileBatch(declaration, decoder, clock)(batch, 0, new StepTimer(clock))
  const outcomes = new Map<number, string>()
  for (const [index, { values, deleted = false }] of rows.entries()) {
    const row = values.map((value, column) =>
      deleted && table.columns[column]!.name !== table.primaryKey[0] ? null : comparable(value),
    )
    outcomes.set(sources[index]!.offset, outcome(deleted, row))
  }
  for (const { origin, error } of failed) {
    if (origin.kind !== 'topic') throw error
    const { message, place } = error
    outcomes.set(
      origin.offset,
      `${error.code} ${place === null || message.includes(place) ? message : `${message} (${place})`}`,
    )
  }
  return outcomes
}

/** The query of the stage on Spark, its topic replaced by these records. */
export async function outcomesOnSpark(
  session: Session,
  declaration: StreamDeclaration,
  log: readonly LogRecord[],
): Promise<Outcomes> {
  const { table } = declaration
  const query = queryOf(declaration)
  await prepare(session, query)
  const values = table.columns.map(({ name, type }) => aliased(name, comparableSql(quoteName(name), type)))
  const { offset, deleted, filtered, code, reason } = metaColumns
  const meta = [offset, deleted, filtered, code, reason]
  const expressions = [...values, ...meta.map(name => aliased(name, name))]
  const outcomes = new Map<number, string>()
  for await (const row of session.rows({ project: { input: withSource(query.relation, log), expressions } })) {
    if (row[filtered] === true) continue
    const isDeleted = row[deleted] === true
    const [cause, why] = [row[code], row[reason]]
    const columns = table.columns.map(({ name }) =>
      isDeleted && name !== table.primaryKey[0] ? null : comparable(row[name]),
    )
    outcomes.set(Number(row[offset]), cause === null ? outcome(isDeleted, columns) : `${cause} ${why}`)
  }
  return outcomes
}

async function prepare(session: Session, { settings, functions }: StageQuery): Promise<void> {
  await session.configure(settings)
  for (const { name, className, returns } of functions) await session.registerFunction(name, className, returns)
}

function queryOf({ stage, topic, table }: Pick<StreamDeclaration, 'stage' | 'topic' | 'table'>): StageQuery {
  const writers = new Map([[1, { type: parseAvro(topic.avro).type }]])
  return stageQuery({ stage, topic, table, writers, kafka: {} })
}

export function logRecord(offset: number, key: Uint8Array | null, value: Uint8Array | null): LogRecord {
  return { offset, timestamp: 0, key, value, headers: null }
}

const noTable = { keyspace: 'none', name: 'none', columns: [], primaryKey: [], appendOnly: false }
const noTransform = {
  ...({ kind: 'stream', name: 'none', pipeline: 'none', group: 'none.none', from: 'none', into: 'none.none' } as const),
  ...{ where: null, select: null, map: null },
}

/** The relation with its Kafka source replaced. */
function withSource(relation: Relation, log: readonly LogRecord[]): Relation {
  const { project, filter } = relation
  if (project !== undefined) return { project: { ...project, input: withSource(project.input, log) } }
  if (filter !== undefined) return { filter: { ...filter, input: withSource(filter.input, log) } }
  const rows = log.map(({ offset, key, value }) => `(${offset}L, ${binary(key)}, ${binary(value)})`)
  const columns = "'t' AS topic, 0 AS partition, offset, timestamp_millis(0) AS timestamp, key, value, NULL AS headers"
  return { sql: { query: `SELECT ${columns} FROM VALUES ${rows.join(', ')} AS records(offset, key, value)` } }
}

function binary(bytes: Uint8Array | null): string {
  return bytes === null ? 'NULL' : `X'${Buffer.from(bytes).toString('hex')}'`
}

function aliased(name: string, expression: string): Expression {
  return { alias: { expr: { expression_string: { expression } }, name: [name] } }
}

/** SQL whose result `comparable` makes what it makes of the same value here. */
function comparableSql(sql: string, type: ValueType | null): string {
  if (type === null) return sql
  return type.kind === 'timestamp' ? `unix_millis(${sql})` : castSql(sql, type)
}

function comparable(value: unknown): unknown {
  if (value instanceof Date) return value.getTime()
  return typeof value === 'bigint' ? Number(value) : value
}

function outcome(deleted: boolean, row: readonly unknown[]): string {
  return `${deleted ? 'delete' : 'row'} ${row.map(show).join(', ')}`
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : Object.is(value, -0) ? '-0' : String(value)
}
