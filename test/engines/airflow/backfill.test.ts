import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSimulator } from '../../../src/adapters/http/simulator.ts'
import { loadProject, targetConfig } from '../../../src/project.ts'
import { openTarget, type Target } from '../../../src/targets.ts'
import { temporaryDirectory } from '../../support.ts'
import { type RunningAirflow, startAirflow } from './airflow.ts'
import { airflowConfig, millrace, type Setting } from './command-line.ts'

const intervals = 30
const pages = 5
const usersOfPage = 20
const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-31T00:00:00Z' }

/** How long PostgreSQL is away. */
const outageMs = 5_000

/** A run takes two seconds, so that there is something to interrupt, and says all it has to say. */
const pipelineFile = (url: string) => `import { http, pipeline, t, table, topic } from 'millrace'
const login = t.record('Login', { uuid: t.uuid(), username: t.text() })
const user = t.record('User', { id: t.uuid(), name: t.text() })
const users = topic('users', { key: 'id', value: user })
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
  const records = await countRecords(target)
  await expect.poll(() => countRecords(target), patience).toBeGreaterThan(records)
}

async function countRecords(target: Target): Promise<number> {
  const ranges = await (await target.log()).admin.ranges('users')
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0)
}

function commandOf(pid: number): string {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return command.startsWith(process.execPath) ? command : ''
  } catch {
    return ''
  }
}

describe('a backfill in Airflow', () => {
  it(`succeeds once for each of ${intervals} intervals, whatever dies meanwhile (G1, G4, G9)`, {
    timeout: 600_000,
  }, async () => {
    const [airflow, simulator] = await Promise.all([startAirflow(), startSimulator()])
    onTestFinished(() => simulator.close())
    const embedded = { adapter: 'embedded' } as const
    const rest = { log: embedded, registry: embedded, table: embedded, orchestrator: embedded, processor: embedded }
    const project = createProject(simulator.url)
    const statePath = temporaryDirectory()
    const config = { ...rest, orchestrator: airflowConfig(airflow, { TEST_TARGET: JSON.stringify(rest) }) }
    const setting: Setting = { project, statePath, env: { TEST_TARGET: JSON.stringify(config) } }
    await millrace(setting, 'apply', '--target', 'test')
    process.env.TEST_TARGET = setting.env.TEST_TARGET
    onTestFinished(() => void delete process.env.TEST_TARGET)
    const target = await openTarget({
      ...{ config: targetConfig(await loadProject(project), 'test'), name: 'test', statePath },
      ...{ projectDirectory: project, env: process.env },
    })
    onTestFinished(() => target.close())
    const { admin } = await target.orchestrator()
    const planned = await admin.backfill('fetch', { ...range, dryRun: true })
    expect(planned).toHaveLength(intervals)
    expect(await admin.backfill('fetch', range)).toEqual(planned)

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

    const { items } = await admin.runs({ dag: 'fetch', ...range })
    expect(items.map(({ logicalDate }) => logicalDate).toSorted()).toEqual(planned.map(({ start }) => start))
    expect(new Set(items.map(({ kind, state }) => `${kind} ${state}`))).toEqual(new Set(['backfill success']))
    const attempts = items.reduce((sum, run) => sum + run.attempts, 0)
    console.log(`${intervals} runs took ${attempts} attempts`)
    expect(attempts).toBeGreaterThan(intervals)
    expect(await admin.backfill('fetch', range)).toEqual([])

    const days = items.map(({ logicalDate }) => logicalDate)
    const { items: newest } = await admin.runs({ dag: 'fetch', from: range.to })
    expect(newest.map(({ kind, state }) => `${kind} ${state}`)).toEqual(['scheduled success'])
    const expected = await usersOf(simulator.url, [...days, ...newest.map(({ logicalDate }) => logicalDate)])
    expect(await countRecords(target)).toBe(expected.size)
    await millrace(setting, 'run', 'people/keep', '--until-caught-up', '--target', 'test')
    const sql = ['sql', 'SELECT id, name FROM people.users', '--limit', '10000']
    const { rows } = JSON.parse(await millrace(setting, ...sql, '--target', 'test', '--json'))
    expect(new Map(rows)).toEqual(expected)
  })
})
