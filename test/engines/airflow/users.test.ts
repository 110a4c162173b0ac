import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSimulator } from '../../../src/adapters/http/simulator.ts'
import type { TargetConfig } from '../../../src/sdk/config.ts'
import { type RunningEngine, startEngine } from '../../../src/stack/start-engine.ts'
import { openTarget, type Target } from '../../../src/targets.ts'
import { temporaryDirectory } from '../../support.ts'
import { buildSink } from '../spark/build-sink.ts'
import { call, type RunningAirflow, startAirflow } from './airflow.ts'
import { airflowConfig, millrace, usersProject } from './command-line.ts'

const embedded = { adapter: 'embedded' } as const
const local: TargetConfig = {
  ...{ log: embedded, registry: embedded, table: embedded, orchestrator: embedded, processor: embedded },
}

async function start(kind: Parameters<typeof startEngine>[0]): Promise<RunningEngine> {
  const engine = await startEngine(kind, { directory: join(temporaryDirectory(), kind) })
  onTestFinished(() => engine.stop())
  return engine
}

interface Applied {
  readonly airflow: RunningAirflow
  readonly target: Target
  /** Runs a command line on the target, and gives what it printed. */
  run(...args: readonly string[]): Promise<string>
}

/** Airflow with the users pipeline applied, on any adapters for what is not the orchestrator. */
async function applied(rest: TargetConfig): Promise<Applied> {
  const [airflow, simulator] = await Promise.all([startAirflow(), startSimulator()])
  onTestFinished(() => simulator.close())
  const statePath = temporaryDirectory()
  const env = { RANDOM_USER_URL: simulator.url }
  // What a task is told of its target holds no command for further tasks.
  const told = { ...env, TEST_TARGET: JSON.stringify({ ...rest, orchestrator: airflowConfig(airflow) }) }
  const config = { ...rest, orchestrator: airflowConfig(airflow, told) }
  const here = { project: usersProject, statePath, env: { ...env, TEST_TARGET: JSON.stringify(config) } }
  const run = (...args: readonly string[]) => millrace(here, ...args, '--target', 'test')
  await run('apply')
  const target = await openTarget({ config, statePath, projectDirectory: usersProject, env: {} })
  onTestFinished(() => target.close())
  return { airflow, target, run }
}

/** A new schedule runs its newest interval at once, and any other run would wait behind it. */
async function cancelScheduled({ run, target }: Applied): Promise<void> {
  const { admin } = await target.orchestrator()
  const patience = { timeout: 60_000, interval: 100 }
  const running = async () => (await admin.runs({ dag: 'user_automation' })).items.find(({ attempts }) => attempts > 0)
  await expect.poll(running, patience).toMatchObject({ kind: 'scheduled', state: 'running' })
  const { dag, runId } = (await running())!
  expect(JSON.parse(await run('cancel', dag, runId, '--json'))).toMatchObject({ state: 'cancelled' })
  const attempt = async () => (await admin.attempts(dag, runId))[0]?.state
  await expect.poll(attempt, patience).toBe('cancelled')
}

/** Triggers a run from the command line, and checks that all it sent becomes rows. */
async function expectRows(pipeline: Applied): Promise<void> {
  const { run } = pipeline
  const steps = JSON.parse(await run('plan', '--json')) as { pipelines: { steps: { action: string }[] }[] }
  expect(steps.pipelines.flatMap(each => each.steps).filter(({ action }) => action !== 'keep')).toEqual([])

  await cancelScheduled(pipeline)
  const triggeredAt = Date.now()
  const ended = JSON.parse(await run('trigger', 'user_automation', '--logical-date', '2026-03-01', '--wait', '--json'))
  expect(ended).toMatchObject({
    state: 'success',
    kind: 'manual',
    attempts: 1,
    logicalDate: '2026-03-01T00:00:00.000Z',
  })
  const shown = JSON.parse(await run('runs', 'user_automation', '--run', ended.runId, '--json'))
  const [{ result, state, error }] = shown.attemptList
  expect({ state, error }).toEqual({ state: 'success', error: null })
  expect(result).toMatchObject({ runId: ended.runId, finished: true, deadLetters: 0 })
  expect(result.appended).toBeGreaterThan(1_000)

  const log = await run('logs', 'user_automation', '--run', ended.runId, '--json')
  const lines = log
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { at: string; level: string; text: string })
  const first = lines.find(({ text }) => text.includes(`${ended.runId}, attempt 1: randomuser → users_created`))!
  console.log(`trigger to first line, the command line's own start included: ${Date.parse(first.at) - triggeredAt} ms`)
  expect(lines).toContainEqual(expect.objectContaining({ level: 'info', text: 'Reading randomuser from its start.' }))

  await run('run', 'users/spark_stream', '--until-caught-up')
  // Of the cancelled run, which had other users, some were sent as well.
  expect(await countRows(run)).toBeGreaterThanOrEqual(result.appended)
}

/** Holds the DAG, and clears and cancels a run of it that had succeeded, from the command line. */
async function expectCommands({ run }: Applied): Promise<void> {
  const json = async (...args: readonly string[]) => JSON.parse(await run(...args, '--json'))
  const { runs } = await json('runs', 'user_automation', '--in', 'success')
  const succeeded = ['user_automation', runs[0].runId as string]
  expect(await json('pause', 'user_automation')).toEqual({ dag: 'user_automation', paused: true, nextRunAt: null })
  await expect(run('cancel', ...succeeded)).rejects.toThrow(/is success and cannot be cancelled[\s\S]*RUN_STATE/)
  expect(await json('clear', ...succeeded)).toMatchObject({ runId: succeeded[1], state: 'queued' })
  await expect(run('clear', ...succeeded)).rejects.toThrow(/is queued and cannot be cleared[\s\S]*RUN_STATE/)
  expect(await json('cancel', ...succeeded)).toMatchObject({ runId: succeeded[1], state: 'cancelled' })
  expect(await json('unpause', 'user_automation')).toMatchObject({ paused: false, nextRunAt: expect.any(String) })
  await expect(run('cancel', 'user_automation', 'mine')).rejects.toThrow('RUN_UNKNOWN')
  await expect(run('pause', 'nothing')).rejects.toThrow(/Use one of: user_automation\.[\s\S]*DAG_UNKNOWN/)
}

async function countRows(run: Applied['run']): Promise<number> {
  const counted = await run('sql', 'SELECT count(*) AS n FROM spark_streams.created_users', '--json')
  return (JSON.parse(counted) as { readonly rows: readonly [readonly [number]] }).rows[0][0]
}

describe('the users pipeline, scheduled by Airflow', () => {
  it('with everything else embedded (G10)', { timeout: 400_000 }, async () => {
    const pipeline = await applied(local)
    await expectRows(pipeline)
    await expectCommands(pipeline)
  })

  it('with Kafka, a registry, Spark and Cassandra, from a trigger in its page to rows, with no process of ours (G10)', {
    timeout: 600_000,
  }, async () => {
    await buildSink()
    const kinds = ['kafka', 'schema-registry', 'cassandra', 'spark'] as const
    const [kafka, registry, cassandra, spark] = await Promise.all(kinds.map(start))
    const { tokenFile } = spark!.connection as { readonly tokenFile: string }
    const pipeline = await applied({
      log: { adapter: 'kafka', brokers: [kafka!.address] },
      registry: { adapter: 'schema-registry', url: registry!.address },
      table: { adapter: 'cassandra', contactPoints: [cassandra!.address], localDataCenter: 'datacenter1' },
      orchestrator: embedded,
      processor: {
        adapter: 'spark',
        url: spark!.address,
        token: { file: tokenFile },
        checkpoints: temporaryDirectory(),
      },
    })
    const { airflow, run, target } = pipeline
    onTestFinished(async () => void (await run('stop', 'users/spark_stream')))
    await cancelScheduled(pipeline)
    const ofCancelled = await countRows(run)

    // As the page does it: without a logical date.
    const trigger = { method: 'POST', body: '{"logical_date": null}' }
    const triggered = await call(airflow, 'airflow', '/dags/user_automation/dagRuns', trigger)
    const { dag_run_id: runId } = triggered.body as { readonly dag_run_id: string }
    const { admin } = await target.orchestrator()
    const patience = { timeout: 240_000, interval: 1_000 }
    await expect.poll(async () => (await admin.run('user_automation', runId)).state, patience).toBe('success')
    const [attempt] = await admin.attempts('user_automation', runId)
    const { appended } = attempt!.result as { readonly appended: number }
    expect(appended).toBeGreaterThan(1_000)
    await expect.poll(() => countRows(run), patience).toBeGreaterThanOrEqual(ofCancelled + appended)
  })
})
