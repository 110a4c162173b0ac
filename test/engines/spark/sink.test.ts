import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { types } from 'cassandra-driver'
import { beforeAll, describe, expect, it } from 'vitest'
import { nextVersion } from '../../../src/engine/version.ts'
import type { TablePlan } from '../../../src/plan/plan.ts'
import type { Log, LogRecord } from '../../../src/ports/log.ts'
import { temporaryDirectory } from '../../support.ts'
import { configOf, execute, openTables, useCassandra } from '../cassandra/cluster.ts'
import { createTopic, kafkaOfThisFile, openTestLog } from '../kafka/support.ts'
import { buildSink, type SparkJars } from './build-sink.ts'
import { type SinkTask, SparkRun } from './spark.ts'

const kafka = kafkaOfThisFile()
const cassandra = useCassandra()
let jars: SparkJars

beforeAll(async () => {
  jars = await buildSink()
}, 600_000)

const stage = 'sink/test'

/** One column of every type a table can have. */
const everyType: TablePlan = {
  keyspace: 'sink_test',
  name: 'every_type',
  columns: [
    { name: 'id', type: { kind: 'uuid' }, nullable: false },
    { name: 'name', type: { kind: 'text' }, nullable: true },
    { name: 'count', type: { kind: 'int' }, nullable: true },
    { name: 'number', type: { kind: 'long' }, nullable: true },
    { name: 'ratio', type: { kind: 'double' }, nullable: true },
    { name: 'express', type: { kind: 'boolean' }, nullable: true },
    { name: 'placed_at', type: { kind: 'timestamp' }, nullable: true },
    { name: 'total', type: { kind: 'decimal', precision: 12, scale: 2 }, nullable: true },
  ],
  primaryKey: ['id'],
  appendOnly: false,
}

const everyTypeDdl =
  'id string, name string, count int, number bigint, ratio double, express boolean, placed_at timestamp, total decimal(12,2), deleted boolean'

/** From JSON values to the table's columns and where each record comes from. */
const select = `
  SELECT r.*, \`partition\` AS _partition, offset AS _offset, timestamp AS _timestamp
  FROM (SELECT *, from_json(CAST(value AS string), '${everyTypeDdl}') AS r FROM records)`

interface Value {
  readonly id: string
  readonly name: string | null
  readonly count: number | null
  readonly number: number | null
  readonly ratio: number | null
  readonly express: boolean | null
  readonly placed_at: string | null
  readonly total: string | null
  readonly deleted?: boolean
}

function idOf(number: number): string {
  return `0b6f2c1e-8f5a-4b7e-9f64-${String(number).padStart(12, '0')}`
}

function userOf(number: number, name: string | null = `name ${number}`): Value {
  return {
    id: idOf(number),
    name,
    ...{ count: number, number: number * 1_000_003, ratio: number / 7, express: number % 2 === 0 },
    ...{ placed_at: new Date(1.7e12 + number).toISOString(), total: `${number}.50` },
  }
}

const nothing = { name: null, count: null, number: null, ratio: null, express: null, placed_at: null, total: null }

const awkward: readonly Value[] = [
  userOf(1),
  { id: idOf(2), ...nothing },
  { ...userOf(3, ''), count: -2_147_483_648, number: -9_007_199_254_740_991, ratio: -0, total: '-9999999999.99' },
  {
    ...userOf(4, 'Zoë 日本 🦆'),
    ...{ count: 0, number: 0, ratio: 5e-324, total: '0.00', placed_at: '1969-12-31T23:59:59.999Z' },
  },
  { ...userOf(5), ratio: 1.7976931348623157e308, total: '0.05', placed_at: '0001-01-01T00:00:00.000Z' },
  userOf(1, 'the same key again'),
  { ...userOf(6), id: idOf(6).toUpperCase() },
  userOf(7),
  { id: idOf(7), ...nothing },
]

async function append(log: Log, topic: string, values: readonly Value[]): Promise<void> {
  const producer = await log.producer('sink-test')
  const records = values.map(value => ({
    topic,
    key: Buffer.from(value.id.toLowerCase()),
    value: Buffer.from(JSON.stringify(value)),
  }))
  await producer.append(records)
  await producer.close()
}

async function readAll(log: Log, topic: string): Promise<ReadonlyMap<number, readonly LogRecord[]>> {
  const found = new Map<number, readonly LogRecord[]>()
  for (const { partition } of await log.admin.ranges(topic)) {
    const limits = { maxRecords: 10_000, maxBytes: 1e7, waitMs: 1_000 }
    found.set(partition, await log.admin.read(topic, partition, 0, limits))
  }
  return found
}

/** What the Node stage writes for the same records. */
async function writeInNode(plan: TablePlan, log: Log, topic: string): Promise<void> {
  const store = await openTables(configOf(cassandra()))
  const table = await store.open(plan, stage)
  for (const [partition, records] of await readAll(log, topic)) {
    await table.claim(topic, partition, 1)
    let version = 0
    const rows = records.map(record => {
      version = nextVersion(version, record.timestamp, Date.now())
      const value = JSON.parse(Buffer.from(record.value!).toString()) as { [name: string]: unknown }
      const values = plan.columns.map(({ name }) =>
        name === 'placed_at' && value[name] !== null ? new Date(value[name] as string) : (value[name] ?? null),
      )
      return { values, version, deleted: value.deleted === true }
    })
    if (rows.length > 0) await table.write(rows, { topic, partition, epoch: 1, next: records.length, version })
  }
}

/** Every cell in Cassandra's own bytes, with its write timestamp. */
async function cells(table: string): Promise<readonly unknown[]> {
  const types = ['name text', 'count int', 'number bigint', 'ratio double', 'express boolean', 'placed_at timestamp']
  const columns = [...types, 'total decimal'].map(each => {
    const [name, type] = each.split(' ')
    return `${type}_as_blob(${name}) AS ${name}, WRITETIME(${name}) AS ${name}_at`
  })
  const { rows } = await execute(cassandra(), `SELECT id, ${columns.join(', ')} FROM ${table}`)
  return rows
    .map((row: types.Row) =>
      row.keys().map(key => `${key}=${Buffer.isBuffer(row[key]) ? row[key].toString('hex') : row[key]}`),
    )
    .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
}

function sinkOptions(plan: TablePlan, topic: string): { readonly [option: string]: string } {
  return {
    contactPoints: cassandra().address,
    localDataCenter: 'datacenter1',
    table: `${plan.keyspace}.${plan.name}`,
    ...{ stage, topic, deletedColumn: 'deleted' },
  }
}

function sourceOptions(topic: string): { readonly [option: string]: string } {
  return { 'kafka.bootstrap.servers': kafka().address, subscribe: topic, startingOffsets: 'earliest' }
}

async function setUp(name: string): Promise<{ plan: TablePlan; log: Log; topic: string; task: SinkTask }> {
  const plan = { ...everyType, name }
  const log = await openTestLog(kafka().address)
  const topic = await createTopic(log, { partitions: 2 })
  const store = await openTables(configOf(cassandra()))
  await store.admin.create(plan)
  const task: SinkTask = {
    mode: 'append',
    trigger: 'availableNow',
    source: sourceOptions(topic),
    sql: select,
    sink: sinkOptions(plan, topic),
    checkpoint: join(temporaryDirectory(), 'checkpoint'),
  }
  return { plan, log, topic, task }
}

/** Spark takes 10 s to start where nothing else runs. */
const timeout = 600_000

describe('rows written by Spark', () => {
  it.each([
    ['a batch', 'batch', {}, {}],
    ['append mode', 'append', {}, {}],
    ['update mode', 'update', {}, {}],
    ['sorted, from partitions that were cut', 'append', { minPartitions: '8' }, { sort: 'true' }],
  ] as const)(
    'are those that the Node stage writes: bytes, nulls and write timestamps (G2, G10): %s',
    { timeout },
    async (_, mode, source, sink) => {
      const { plan, log, topic, task: plain } = await setUp(`every_type_${mode}`)
      const task: SinkTask = {
        ...plain,
        mode,
        source: { ...plain.source, ...source },
        sink: { ...plain.sink, ...sink },
      }
      await append(log, topic, awkward)
      await append(log, topic, [{ id: idOf(3), ...nothing, deleted: true }])
      await new SparkRun(task, jars).done()
      const written = await cells(task.sink.table!)
      await execute(cassandra(), `TRUNCATE ${task.sink.table}`)
      await writeInNode(plan, log, topic)
      const expected = await cells(task.sink.table!)
      expect(expected).toHaveLength(6)
      expect(written).toEqual(expected)
    },
  )

  it('get the same versions when Spark was killed within a batch, and when it repeats a whole one', {
    timeout,
  }, async () => {
    const { log, topic, task } = await setUp('repeated')
    const records = Array.from({ length: 4_000 }, (_, number) => userOf(number))
    await append(log, topic, records)
    const killed = new SparkRun(task, jars)
    await killed.line('STARTED')
    await expect.poll(() => countOf(task), { timeout }).toBeGreaterThan(0)
    await killed.kill()
    const before = await cells(task.sink.table!)

    await new SparkRun(task, jars).done()
    const after = await cells(task.sink.table!)
    expect(after).toHaveLength(records.length)
    expect(after).toEqual(expect.arrayContaining(before as unknown[]))

    // As if it had died between the sink's commit and its own.
    rmSync(join(task.checkpoint!, 'commits'), { recursive: true })
    await append(log, topic, [userOf(4_000)])
    await new SparkRun(task, jars).done()
    const again = await cells(task.sink.table!)
    expect(again).toHaveLength(records.length + 1)
    expect(again).toEqual(expect.arrayContaining(after as unknown[]))
  })

  it('arrive after Cassandra was away (G1)', { timeout }, async () => {
    const { log, topic, task } = await setUp('away')
    const { trigger: _, ...endless } = task
    await append(log, topic, [userOf(1)])
    const run = new SparkRun(endless, jars)
    await expect.poll(() => countOf(task), { timeout }).toBe(1)
    await cassandra().stop()
    await append(log, topic, [userOf(2), userOf(3)])
    await run.line('trying again for up to')
    await cassandra().start()
    await expect.poll(() => countOf(task), { timeout }).toBe(3)
    expect(run.output).not.toContain('FAILED')
  })
})

describe('a query that cannot work', () => {
  const incompatible =
    'PLAN_INCOMPATIBLE: sink_test.refused: the column count is int and takes an int; the query has BIGINT; the table has no column surplus; the query has no column id, which is in the primary key.'
  const columns = 'false AS deleted, `partition` AS _partition, offset AS _offset, timestamp AS _timestamp'

  it.each([
    ['no such table', { table: 'sink_test.absent' }, select, 'TABLE_UNKNOWN: There is no table sink_test.absent.'],
    ['other columns', {}, `SELECT 1L AS count, 'x' AS surplus, ${columns} FROM records`, incompatible],
    [
      'a row that no table takes',
      {},
      `SELECT 'x' AS id, ${columns} FROM records`,
      'RECORD_REJECTED: TOPIC[0] offset 0: Column id takes a UUID; the row has string. (sink_test.refused.id)',
    ],
  ])('fails with its reason: %s', { timeout }, async (_, options, sql, reason) => {
    const { log, topic, task } = await setUp('refused')
    await append(log, topic, [userOf(8)])
    const secret = { user: 'someone', password: 'pass-word' }
    const run = new SparkRun({ ...task, sql, sink: { ...task.sink, ...secret, ...options } }, jars)
    expect((await run.failure()).replace(/topic-\w+\[\d\] offset/, 'TOPIC[0] offset')).toContain(reason)
    expect(await countOf(task)).toBe(0)
    expect(run.output).not.toContain('pass-word')
  })
})

describe('a partition that several tasks read', () => {
  it('fails the query, since its versions would not be in order', { timeout }, async () => {
    const { log, topic, task } = await setUp('cut')
    await append(log, topic, awkward)
    const run = new SparkRun({ ...task, source: { ...task.source, minPartitions: '8' } }, jars)
    expect(await run.failure()).toContain(`PLAN_INCOMPATIBLE: Several tasks had rows of one partition of ${topic}.`)
  })
})

describe('real-time mode', () => {
  it('writes each row when it comes, though no batch ends', { timeout }, async () => {
    const { log, topic, task } = await setUp('real_time')
    const conf = { 'spark.sql.streaming.realTimeMode.allowlistCheck': 'false' }
    // Spark 4.3 wants the option.
    const sink = { ...task.sink, asyncProgressTrackingEnabled: 'false' }
    const run = new SparkRun({ ...task, sink, mode: 'update', trigger: 'realTime', conf }, jars)
    await run.line('STARTED')
    for (let number = 1; number <= 5; number++) {
      await append(log, topic, [userOf(number)])
      await expect.poll(() => countOf(task), { timeout, interval: 10 }).toBe(number)
    }
    expect(run.output).not.toContain('PROGRESS')
  })
})

async function countOf(task: SinkTask): Promise<number> {
  const { rows } = await execute(cassandra(), `SELECT COUNT(*) AS count FROM ${task.sink.table}`)
  return Number(rows[0]!.count)
}
