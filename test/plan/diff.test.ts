import { describe, expect, it } from 'vitest'
import { compile } from '../../src/plan/compile.ts'
import { type Deployed, diff } from '../../src/plan/diff.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { printPlan } from '../../src/plan/print.ts'
import { deadLetterTopicSettings, topicSettings } from '../../src/plan/topic-settings.ts'
import { concat, eq } from '../../src/sdk/expressions.ts'
import { pipeline } from '../../src/sdk/pipeline.ts'
import { files } from '../../src/sdk/sources/files.ts'
import { table } from '../../src/sdk/table.ts'
import { topic } from '../../src/sdk/topic.ts'
import { t } from '../../src/sdk/types.ts'

const source = t.record('Source', { id: t.uuid(), first: t.text(), last: t.text(), ok: t.boolean() })
const row = t.record('Row', { id: t.uuid(), name: t.text(), note: t.optional(t.text()) })
const rows = topic('rows', { key: 'id', value: row })

const plan = compile(
  pipeline('p')
    .ingest('import', {
      schedule: '@daily',
      duration: '60s',
      from: files({ path: 'a.ndjson', schema: source }),
      where: r => eq(r.ok, true),
      select: r => ({ id: r.id, name: concat(r.first, ' ', r.last), note: null }),
      into: rows,
    })
    .stream('store', { from: rows, into: table('shop.rows', { row, primaryKey: ['id'] }) }),
)

const nothing: Deployed = { topics: [], subjects: [], tables: [], dags: [] }

/** What is there once every step of a plan was taken. */
function applied(done: Plan): Deployed {
  return {
    topics: done.topics.flatMap(each => [topicSettings(each), deadLetterTopicSettings(each)]),
    subjects: done.topics.map(({ subject }) => ({ subject, registered: true, incompatibilities: [] })),
    tables: done.tables,
    dags: done.dags.map(each => ({ plan: each, paused: false })),
  }
}

const [rowsTopic] = plan.topics
const [rowsTable] = plan.tables
const [importDag] = plan.dags

function withTopic(changes: Partial<Plan['topics'][number]>): Plan {
  return { ...plan, topics: [{ ...rowsTopic!, ...changes }] }
}

function withTable(changes: Partial<Plan['tables'][number]>): Plan {
  return { ...plan, tables: [{ ...rowsTable!, ...changes }] }
}

/** The steps that are not `keep`, one line each. */
function steps(next: Plan, deployed: Deployed = applied(plan)): readonly string[] {
  return diff(next, deployed)
    .filter(({ action }) => action !== 'keep')
    .map(({ action, kind, name, details }) => `${action} ${kind} ${name}: ${details.join(', ')}`)
}

describe('the steps to a plan', () => {
  it('create everything where nothing is', () => {
    expect(steps(plan, nothing)).toEqual([
      'create topic rows: 4 partitions, 1 copy, kept for 7d, records up to 1 MiB',
      'create dead-letter topic rows.dlq: 1 partition, 1 copy, kept for 30d, records up to 40 MiB',
      'create subject rows-value: Row, 3 fields',
      'create table shop.rows: 3 columns, primary key (id)',
      'create dag import: runs @daily, missed intervals are skipped, starts at the first deploy, task import (p/import), 3 attempts, 10s apart, ended after 6m',
    ])
  })

  it('keep everything when the plan was applied already (G8)', () => {
    const all = diff(plan, applied(plan))
    expect(all.map(({ action }) => action)).toEqual(['keep', 'keep', 'keep', 'keep', 'keep'])
  })

  it.each<[string, Plan, Deployed, readonly string[]]>([
    [
      'more partitions',
      withTopic({ partitions: 8 }),
      applied(plan),
      ['change topic rows: 4 partitions → 8 partitions'],
    ],
    [
      'another retention, and with it that of the dead letters',
      withTopic({ retentionMs: 90 * 86_400_000 }),
      applied(plan),
      [
        'change topic rows: kept for 7d → kept for 90d',
        'change dead-letter topic rows.dlq: kept for 30d → kept for 90d',
      ],
    ],
    [
      'a compatible schema',
      plan,
      { ...applied(plan), subjects: [{ subject: 'rows-value', registered: false, incompatibilities: [] }] },
      ['change subject rows-value: a new version of the schema'],
    ],
    [
      'a new optional column',
      withTable({ columns: [...rowsTable!.columns, { name: 'size', type: { kind: 'int' }, nullable: true }] }),
      applied(plan),
      ['change table shop.rows: add column size int'],
    ],
    [
      'a required column that becomes optional: nothing to do',
      withTable({ columns: rowsTable!.columns.map(column => ({ ...column, nullable: column.name !== 'id' })) }),
      applied(plan),
      [],
    ],
    [
      'another schedule',
      { ...plan, dags: [{ ...importDag!, schedule: '0 * * * *', scheduleText: '@hourly' }] },
      applied(plan),
      ['change dag import: runs @daily → runs @hourly'],
    ],
    [
      'a DAG that is no longer declared',
      { ...plan, dags: [] },
      applied(plan),
      ['change dag import: no longer declared: paused, its runs are kept'],
    ],
    [
      'a DAG that is no longer declared, and paused already',
      { ...plan, dags: [] },
      { ...applied(plan), dags: [{ plan: importDag!, paused: true }] },
      [],
    ],
    [
      'a DAG that somebody paused: it stays so',
      plan,
      { ...applied(plan), dags: [{ plan: importDag!, paused: true }] },
      [],
    ],
  ])('%s', (_, next, deployed, expected) => {
    expect(steps(next, deployed)).toEqual(expected)
  })

  it.each<[string, Plan, Deployed, string]>([
    ['fewer partitions', withTopic({ partitions: 2 }), applied(plan), 'it has 4 partitions and is declared with 2'],
    [
      'an incompatible schema',
      plan,
      {
        ...applied(plan),
        subjects: [
          {
            subject: 'rows-value',
            registered: false,
            incompatibilities: [{ path: '/fields/1', reason: 'no default' }],
          },
        ],
      },
      '/fields/1: no default',
    ],
    [
      'a new required column',
      withTable({ columns: [...rowsTable!.columns, { name: 'size', type: { kind: 'int' }, nullable: false }] }),
      applied(plan),
      'the new column size is required, and the rows already there have no value for it',
    ],
    [
      'a column of another type',
      withTable({ columns: rowsTable!.columns.map(column => ({ ...column, type: { kind: 'text' as const } })) }),
      applied(plan),
      'the column id holds uuid and is declared as text',
    ],
    [
      'a column that becomes required',
      withTable({ columns: rowsTable!.columns.map(column => ({ ...column, nullable: false })) }),
      applied(plan),
      'the column note may hold nulls and is declared as required',
    ],
    [
      'a column that is gone',
      withTable({ columns: rowsTable!.columns.slice(0, 2) }),
      applied(plan),
      'the column note is no longer declared',
    ],
    [
      'another primary key',
      withTable({ primaryKey: ['name'] }),
      applied(plan),
      'its primary key is (id) and is declared as (name)',
    ],
    ['append-only', withTable({ appendOnly: true }), applied(plan), 'it is not append-only and is declared otherwise'],
    [
      'a DAG of another pipeline',
      plan,
      { ...applied(plan), dags: [{ plan: { ...importDag!, pipeline: 'other' }, paused: false }] },
      'it belongs to the pipeline other',
    ],
  ])('refuse %s', (_, next, deployed, reason) => {
    const refused = diff(next, deployed).filter(({ action }) => action === 'refuse')
    expect(refused).toHaveLength(1)
    expect(refused[0]?.details).toEqual([expect.stringContaining(reason)])
    expect(refused[0]?.error).toMatchObject({
      code: 'PLAN_INCOMPATIBLE',
      place: refused[0]?.name,
      message: expect.stringContaining(reason),
      fix: expect.stringMatching(/\.$/),
    })
  })

  it('give every reason of a refusal', () => {
    const next = withTable({ columns: rowsTable!.columns.slice(0, 1), primaryKey: ['name'], appendOnly: true })
    expect(diff(next, applied(plan)).find(({ action }) => action === 'refuse')?.details).toHaveLength(4)
  })
})

describe('a printed plan', () => {
  it('says what each stage does and what will be done', () => {
    const deployed = { ...applied(plan), tables: [], dags: [] }
    expect(printPlan(withTopic({ partitions: 8 }), diff(withTopic({ partitions: 8 }), deployed))).toBe(
      `p/import: files → rows
  where eq(ok, true)
  id = id
  name = concat(first, " ", last)
  note = null
p/store: rows → shop.rows

  ~ topic              rows  4 partitions → 8 partitions
  = dead-letter topic  rows.dlq
  = subject            rows-value
  + table              shop.rows  3 columns, primary key (id)
  + dag                import  runs @daily, missed intervals are skipped, starts at the first deploy, task import (p/import), 3 attempts, 10s apart, ended after 6m

2 to create, 1 to change, 2 as declared.`,
    )
  })

  it('says why nothing will be done', () => {
    const fewer = withTopic({ partitions: 2 })
    expect(printPlan(fewer, diff(fewer, applied(plan)))).toContain(`
  The topic rows cannot become what is declared: it has 4 partitions and is declared with 2; partitions cannot be taken away.
    Declare partitions: 4 or more.
1 refused: nothing will be changed.`)
  })

  it('says when there is nothing to do', () => {
    expect(printPlan(plan, diff(plan, applied(plan)))).toMatch(/Everything is as declared\.$/)
  })
})
