import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import avsc from 'avsc'
import cassandra from 'cassandra-driver'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSimulator } from '../../../src/adapters/http/simulator.ts'
import type { DataInterval } from '../../../src/ports/orchestrator.ts'
import { openTarget, type Target } from '../../../src/targets.ts'
import { temporaryDirectory } from '../../support.ts'
import { enginesOfThisFile, targetOn } from '../faults/fault-engines.ts'
import { Readers } from '../faults/readers.ts'
import { runMillrace, type Surroundings, startRun, until } from '../faults/workers.ts'
import { call, type RunningAirflow, startAirflow } from './airflow.ts'
import { airflowConfig } from './command-line.ts'

const intervals = 30
const pages = 5
const usersOfPage = 20
const partitions = 4
const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-31T00:00:00Z' }

/** How long PostgreSQL is away. */
const outageMs = 5_000

/** A run takes two seconds, so that there is something to interrupt, and says all it has to say. */
const pipelineFile = (url: string) => `import { http, pipeline, t, table, topic } from 'millrace'
const login = t.record('Login', { uuid: t.uuid(), username: t.text() })
const user = t.record('User', { id: t.uuid(), name: t.text() })
const users = topic('users', { key: 'id', value: user, partitions: ${partitions} })
export default pipeline('people')
  .ingest('fetch', {
    schedule: '@daily', attempts: 8, retryDelay: '1s',
    from: http({
      url: ${JSON.stringify(`${url}?inc=login`)}, records: 'results', requestsPerSecond: 3,
      page: { kind: 'number', parameter: 'page', start: 1, last: ${pages} },
      size: { parameter: 'results', value: ${usersOfPage} },
      seed: { parameter: 'seed', digits: 16 },
      schema: t.record('Answer', { login }),
    }),
    select: u => ({ id: u.login.uuid, name: u.login.username }),
    into: users,
  })
  .stream('keep', { from: users, into: table('people.users', { row: user, primaryKey: ['id'] }) })
`

function createProject(url: string): string {
  const project = temporaryDirectory()
  const config = `import { defineConfig } from 'millrace'
export default defineConfig({ pipelines: ['people.ts'], targets: { test: JSON.parse(process.env.TEST_TARGET) } })`
  const files = { 'package.json': '{"type":"module"}', 'millrace.config.ts': config, 'people.ts': pipelineFile(url) }
  for (const [path, text] of Object.entries(files)) writeFileSync(join(project, path), text)
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(resolve(import.meta.dirname, '../../..'), join(project, 'node_modules/millrace'))
  return project
}

/** The users that the API has for these days, asked as nobody asks who is tested here. */
async function usersOf(url: string, days: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const users = new Map<string, string>()
  for (const day of days) {
    const seed = createHash('sha256').update(`fetch-${day}`).digest('hex').slice(0, 16)
    for (let page = 1; page <= pages; page += 1) {
      const response = await fetch(`${url}?inc=login&seed=${seed}&page=${page}&results=${usersOfPage}`)
      const { results } = (await response.json()) as { results: { login: { uuid: string; username: string } }[] }
      for (const { login } of results) users.set(login.uuid, login.username)
    }
  }
  return users
}

/** What is in the topic, by partition and offset: each record's user and name. */
async function topicOf(readers: Readers, registryUrl: string): Promise<readonly (readonly [string, string])[]> {
  const answer = await fetch(`${registryUrl}/subjects/users-value/versions/latest`)
  const { schema } = (await answer.json()) as { schema: string }
  const type = avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema)
  const found: (readonly [string, string])[] = []
  for (let partition = 0; partition < partitions; partition += 1) {
    for (const { value } of (await readers.readSettled('users', partition, 0)).records) {
      // Behind a magic byte and the schema's id.
      const { id, name } = type.fromBuffer(value!.subarray(5)) as { id: string; name: string }
      found.push([id, name])
    }
  }
  return found
}

/** What is in the table, by a client that knows nothing of who wrote it. */
async function tableOf(contactPoint: string): Promise<ReadonlyMap<string, string>> {
  const client = new cassandra.Client({ contactPoints: [contactPoint], localDataCenter: 'datacenter1' })
  try {
    const rows = new Map<string, string>()
    const result = await client.execute('SELECT id, name FROM people.users', [], { prepare: true, fetchSize: 1_000 })
    for await (const row of result) rows.set(String(row.get('id')), row.get('name') as string)
    return rows
  } finally {
    await client.shutdown()
  }
}

interface AirflowRun {
  readonly dag_run_id: string
  readonly run_type: string
  readonly state: string
  readonly logical_date: string
}

/** Every run of the DAG as Airflow itself has it, oldest logical date first. */
async function runsOf(airflow: RunningAirflow): Promise<readonly AirflowRun[]> {
  const path = '/dags/fetch/dagRuns?order_by=logical_date&limit=100'
  return ((await call(airflow, 'airflow', path)).body as { readonly dag_runs: readonly AirflowRun[] }).dag_runs
}

/** How each attempt of a run ended, oldest first. */
async function triesOf(airflow: RunningAirflow, { dag_run_id: id }: AirflowRun): Promise<readonly string[]> {
  const path = `/dags/fetch/dagRuns/${encodeURIComponent(id)}/taskInstances/fetch/tries`
  const { body } = await call(airflow, 'airflow', path)
  return (body as { readonly task_instances: readonly { readonly state: string }[] }).task_instances.map(
    ({ state }) => state,
  )
}

async function untilSucceeded(target: Target, count: number): Promise<void> {
  const { admin } = await target.orchestrator()
  const patience = { timeout: 300_000, interval: 500 }
  const succeeded = async () => (await admin.runs({ dag: 'fetch', state: 'success', ...range })).items.length
  // Airflow may be away meanwhile.
  await expect.poll(() => succeeded().catch(() => -1), patience).toBeGreaterThanOrEqual(count)
}

/** The task programs that run, without Airflow's own processes around them. */
function taskPrograms(airflow: RunningAirflow): readonly number[] {
  return airflow.processes('scheduler').filter(pid => commandOf(pid).includes('\0run\0people/fetch\0'))
}

/** Resolves when a run that has begun after it was called has pages in the log, and not all of them. */
async function untilMidway(airflow: RunningAirflow, target: Target): Promise<void> {
  const patience = { timeout: 60_000, interval: 20 }
  const before = taskPrograms(airflow)
  const begun = () => taskPrograms(airflow).some(pid => !before.includes(pid))
  await expect.poll(begun, patience).toBe(true)
  const end = await endOf(target)
  await expect.poll(() => endOf(target), patience).toBeGreaterThan(end)
}

/** Offsets of the topic that are taken: its records, and the ends of transactions. */
async function endOf(target: Target): Promise<number> {
  const ranges = await (await target.log()).admin.ranges('users')
  return ranges.reduce((sum, { end }) => sum + end, 0)
}

function commandOf(pid: number): string {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return command.startsWith(process.execPath) ? command : ''
  } catch {
    return ''
  }
}

describe('a backfill in Airflow, over Kafka and Cassandra', () => {
  const engines = enginesOfThisFile()

  it(`succeeds once for each of ${intervals} intervals, whatever dies meanwhile (G1, G4, G9)`, {
    timeout: 600_000,
  }, async () => {
    const [airflow, simulator] = await Promise.all([startAirflow(), startSimulator()])
    onTestFinished(() => simulator.close())
    const { kafka, registry, cassandra } = engines()
    const rest = targetOn(engines())
    const orchestrator = airflowConfig(airflow, { TEST_TARGET: JSON.stringify(rest) })
    // As where the workers have an image of their own.
    const task = { ...orchestrator.task, project: createProject(simulator.url), state: temporaryDirectory() }
    const here: Surroundings = {
      target: { ...rest, orchestrator: { ...orchestrator, task } },
      statePath: temporaryDirectory(),
      project: createProject(simulator.url),
    }
    await runMillrace(here, 'apply')
    const target = await openTarget({
      config: here.target,
      ...{ statePath: here.statePath, projectDirectory: here.project!, env: {} },
    })
    onTestFinished(() => target.close())
    const readers = new Readers({ brokers: kafka.address, contactPoint: cassandra.address })
    onTestFinished(() => readers.close())
    const keeper = startRun(here, 'people/keep')
    const backfill = async (...more: readonly string[]): Promise<readonly DataInterval[]> => {
      const [line = ''] = await runMillrace(here, 'backfill', 'fetch', '--from', range.from, '--to', range.to, ...more)
      return (JSON.parse(line) as { readonly intervals: readonly DataInterval[] }).intervals
    }
    const planned = await backfill('--dry-run')
    expect(planned).toHaveLength(intervals)
    expect(await backfill()).toEqual(planned)

    await untilSucceeded(target, 3)
    await untilMidway(airflow, target)
    for (const pid of taskPrograms(airflow)) process.kill(pid, 'SIGKILL')
    await untilSucceeded(target, 6)
    await untilMidway(airflow, target)
    process.kill(airflow.leader('scheduler'), 'SIGKILL')
    await untilSucceeded(target, 12)
    await untilMidway(airflow, target)
    airflow.engine.signal('SIGINT', 'postgres')
    await delay(outageMs)
    await airflow.engine.start()
    await untilSucceeded(target, intervals)

    expect(await backfill()).toEqual([])
    const runs = await runsOf(airflow)
    const dates = runs.map(({ logical_date }) => new Date(logical_date).toISOString())
    expect(dates.slice(0, intervals)).toEqual(planned.map(({ start }) => start))
    const kinds = [...new Array<string>(intervals).fill('backfill success'), 'scheduled success']
    expect(runs.map(({ run_type, state }) => `${run_type} ${state}`)).toEqual(kinds)
    const tries = await Promise.all(runs.map(run => triesOf(airflow, run)))
    for (const each of tries) expect(each.filter(state => state === 'success')).toEqual([each.at(-1)])
    console.log(`${runs.length} runs took ${tries.flat().length} attempts`)
    expect(tries.flat().length).toBeGreaterThan(runs.length)

    const expected = await usersOf(simulator.url, dates)
    const sent = await topicOf(readers, registry.address)
    expect(new Map(sent)).toEqual(expected)
    expect(sent).toHaveLength(expected.size)
    const ends = await readers.ends('users', partitions)
    await until(
      `the stage has committed up to ${ends.join(', ')}`,
      () => readers.committed('people.keep', 'users'),
      committed => ends.every((end, partition) => (committed.get(partition) ?? 0) >= end),
    )
    expect(await tableOf(cassandra.address)).toEqual(expected)
    expect(await readers.readSettled('users.dlq', 0, 0)).toMatchObject({ records: [] })
    expect(await keeper.stop()).toMatchObject({ code: 0 })
  })
})
