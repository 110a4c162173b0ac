import { describe, expect, it } from 'vitest'
import type { Relation } from '../../../src/adapters/spark/connect/messages.ts'
import { refusals } from '../../../src/adapters/spark/refusals.ts'
import { stageQuery } from '../../../src/adapters/spark/stage-query.ts'
import { parseAvro } from '../../../src/plan/avro-schema.ts'
import { compile } from '../../../src/plan/compile.ts'
import type { StreamPlan } from '../../../src/plan/plan.ts'
import type { WriterSchema } from '../../../src/ports/writer-schema.ts'
import { MillraceError } from '../../../src/sdk/errors.ts'
import { concat, type Fields, gt, upper } from '../../../src/sdk/expressions.ts'
import { pipeline } from '../../../src/sdk/pipeline.ts'
import { table } from '../../../src/sdk/table.ts'
import { topic } from '../../../src/sdk/topic.ts'
import { type Infer, t } from '../../../src/sdk/types.ts'

const order = t.record('Order', { id: t.uuid(), number: t.int(), total: t.decimal(10, 2), weight: t.decimal(38, 38) })
type O = Fields<Infer<typeof order>>

const row = t.record('Row', { id: t.uuid(), label: t.text(), total: t.optional(t.decimal(10, 2)) })
const numbered = t.record('Numbered', { number: t.long(), label: t.text() })

const selected = (o: O) => ({ id: o.id, label: concat('#', o.number), total: o.total })
const orders = (key: 'id' | 'number') => topic('orders', { key, value: order })
const into = (primaryKey: 'id'[] | ['id', 'label'] = ['id']) => table('shop.orders', { row, primaryKey })

function planOf(declared: ReturnType<typeof pipeline>) {
  const plan = compile(declared)
  return { plan, stage: plan.stages[0] as StreamPlan, topic: plan.topics[0]!, table: plan.tables[0]! }
}

const byId = planOf(pipeline('shop').stream('load', { from: orders('id'), select: selected, into: into() }))
const filtered = planOf(
  pipeline('shop').stream('load', {
    from: orders('id'),
    where: o => gt(o.total, '10'),
    select: selected,
    into: into(),
  }),
)
const byTwo = planOf(
  pipeline('shop').stream('load', { from: orders('id'), select: selected, into: into(['id', 'label']) }),
)
const byNumber = planOf(
  pipeline('shop').stream('load', {
    from: orders('number'),
    select: o => ({ number: o.number, label: 'x' }),
    into: table('shop.numbered', { row: numbered, primaryKey: ['number'] }),
  }),
)

function queryOf(planned: ReturnType<typeof planOf>, writers: ReadonlyMap<number, WriterSchema> = new Map()) {
  return stageQuery({
    ...planned,
    writers,
    kafka: { 'kafka.bootstrap.servers': 'broker:9092', startingOffsets: 'earliest' },
  })
}

/** A project's columns by name. */
function columnsOf(relation: Relation): { readonly [name: string]: string } {
  const expressions = relation.project?.expressions ?? []
  return Object.fromEntries(
    expressions.map(({ alias }) => [alias!.name[0]!, alias!.expr.expression_string!.expression]),
  )
}

describe('the query of a stage', () => {
  it('reads the topic, decodes, and computes the columns', () => {
    const { relation } = queryOf(byId)
    const columns = columnsOf(relation)
    expect(Object.keys(columns)).toEqual([
      ...['id', 'label', 'total', '_filtered', '_topic', '_partition', '_offset', '_timestamp'],
      ...['_deleted', '_code', '_reason', '_key', '_value', '_headers'],
    ])
    expect(columns).toMatchObject({
      label: "CAST(concat('#', CAST(decoded.value.`number` AS STRING)) AS STRING)",
      total: 'CAST(decoded.value.`total` AS DECIMAL(10, 2))',
      _deleted: 'value IS NULL',
      _filtered: 'false',
    })
    const decoded = relation.project!.input
    expect(columnsOf(decoded).decoded).toMatch(/^millrace_decode\(value, '\{\}', '\{"type":"record","name":"Order"/)
    expect(decoded.project!.input).toEqual({
      read: {
        data_source: {
          format: 'kafka',
          options: {
            'kafka.bootstrap.servers': 'broker:9092',
            startingOffsets: 'earliest',
            subscribe: 'orders',
            includeHeaders: 'true',
            failOnDataLoss: 'true',
            'kafka.max.poll.records': '10000',
          },
        },
        is_streaming: true,
      },
    })
  })

  it('says of each record whether where leaves it out, of neither dead letters nor deletes', () => {
    expect(columnsOf(queryOf(filtered).relation)._filtered).toBe(
      'decoded.code IS NULL AND value IS NOT NULL AND NOT coalesce(' +
        "(CAST(decoded.value.`total` AS DECIMAL(10, 2)) > CAST(CAST('10.00' AS DECIMAL(10, 2)) AS DECIMAL(10, 2))), false)",
    )
  })

  it('takes the row of a delete from its key', () => {
    const columns = columnsOf(queryOf(byId).relation)
    expect(columns.id).toBe(
      'CASE WHEN value IS NULL THEN CAST(key AS STRING) ELSE CAST(decoded.value.`id` AS STRING) END',
    )
    expect(columns._code).toMatch(/^CASE WHEN CASE WHEN value IS NULL AND key IS NULL THEN 'The record deletes/)
  })

  it('takes no number from a key that is none', () => {
    const columns = columnsOf(queryOf(byNumber).relation)
    expect(columns.number).toContain('TRY_CAST(CAST(key AS STRING) AS BIGINT)')
    expect(columns._reason).toContain("AND NOT CAST(key AS STRING) RLIKE '^(?:0|-?[1-9][0-9]{0,15})\\\\z'")
  })

  it('refuses every delete where the key does not say which row it is', () => {
    const columns = columnsOf(queryOf(byTwo).relation)
    expect(columns.id).toBe('CAST(decoded.value.`id` AS STRING)')
    expect(columns._reason).toMatch(/^coalesce\(CASE WHEN value IS NULL THEN 'The record deletes/)
  })

  it('tells the decoder of every schema, with references inlined, or why its records cannot be read', () => {
    const known = parseAvro({ type: 'enum', name: 'n.E', symbols: ['A'] }).named
    const type = parseAvro({ type: 'record', name: 'n.R', fields: [{ name: 'e', type: 'E' }] }, { known }).type
    const error = new MillraceError(
      'RECORD_UNDECODABLE',
      "Records of schema 8 cannot be read as this topic's: it's $0.",
    )
    const { relation } = queryOf(
      byId,
      new Map<number, WriterSchema>([
        [7, { type }],
        [8, { error, final: true }],
      ]),
    )
    const sql = columnsOf(relation.project!.input).decoded!
    const [, writers] = /^millrace_decode\(value, '(.*?[^\\])', '/.exec(sql)!
    expect(JSON.parse(writers!.replaceAll('\\u0024', '$').replaceAll("\\'", "'"))).toEqual({
      7: {
        type: 'record',
        name: 'R',
        namespace: 'n',
        fields: [{ name: 'e', type: { type: 'enum', name: 'E', symbols: ['A'] } }],
      },
      8: { error: "Records of schema 8 cannot be read as this topic's: it's $0." },
    })
  })

  it('needs functions with the types of the topic', () => {
    expect(queryOf(byId).functions).toContainEqual({
      name: 'millrace_decode',
      className: 'millrace.spark.functions.Decode',
      returns:
        'STRUCT<code: STRING, reason: STRING, value: STRUCT<`id`: STRING, `number`: INT, `total`: DECIMAL(10, 2), `weight`: DECIMAL(38, 38)>>',
    })
  })
})

describe('what Spark cannot run is refused with its place', () => {
  const beside = { log: 'kafka', table: 'cassandra' }
  const refused = (planned: ReturnType<typeof planOf>, neighbours = beside) =>
    refusals(planned.plan, neighbours).map(({ code, place }) => [code, place])

  it('a plan of expressions between Kafka and Cassandra is not', () => {
    expect(refused(filtered)).toEqual([])
  })

  it('map', () => {
    const declared = pipeline('shop').stream('load', {
      from: orders('id'),
      map: o => ({ id: o.id, label: 'x', total: null }),
      into: into(),
    })
    expect(refused(planOf(declared))).toEqual([
      ['PLAN_UNSUPPORTED', expect.stringMatching(/stage-query\.test\.ts:\d+/)],
    ])
  })

  it('decimals that have too many digits together', () => {
    const declared = pipeline('shop').stream('load', {
      from: orders('id'),
      where: o => gt(o.total, o.weight),
      select: o => ({ id: o.id, label: upper('x'), total: o.total }),
      into: into(),
    })
    expect(refused(planOf(declared))).toEqual([['PLAN_UNSUPPORTED', 'shop › load › where']])
  })

  it('another log, another database', () => {
    expect(refused(byId, { log: 'embedded', table: 'embedded' })).toEqual([
      ['PLAN_UNSUPPORTED', 'shop › load › from'],
      ['PLAN_UNSUPPORTED', 'shop › load › into'],
    ])
  })
})
