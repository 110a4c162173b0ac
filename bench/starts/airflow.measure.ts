import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openAirflowOrchestrator } from '../../src/adapters/airflow/orchestrator.ts'
import { openEmbeddedOrchestrator } from '../../src/adapters/embedded/orchestrator/orchestrator.ts'
import { systemClock, systemRandom } from '../../src/adapters/system/clock.ts'
import type { Orchestrator, Run } from '../../src/ports/orchestrator.ts'
import { dagPlan } from '../../test/adapters/embedded/orchestrator/fixture.ts'
import { call, type RunningAirflow, startAirflow } from '../../test/engines/airflow/airflow.ts'
import { airflowConfig } from '../../test/engines/airflow/command-line.ts'
import { temporaryDirectory } from '../../test/support.ts'

const patience = { timeout: 60_000, interval: 100 }
const plan = dagPlan({ schedule: null })

/** Ten tasks in a row that do nothing. */
const tenTasks = `from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, chain

with DAG("ten", schedule=None, catchup=False, is_paused_upon_creation=False) as dag:
    chain(*[BashOperator(task_id=f"task_{number}", bash_command="true") for number in range(10)])
`

async function ended({ admin }: Orchestrator, { dag, runId }: Run): Promise<Run> {
  await expect.poll(async () => (await admin.run(dag, runId)).state, patience).toBe('success')
  return admin.run(dag, runId)
}

/** How long a run of a DAG with ten tasks takes in Airflow, in milliseconds. */
async function tenInAirflow(airflow: RunningAirflow): Promise<number> {
  const body = JSON.stringify({ logical_date: null })
  const { body: begun } = await call(airflow, 'airflow', '/dags/ten/dagRuns', { method: 'POST', body })
  const path = `/dags/ten/dagRuns/${(begun as { dag_run_id: string }).dag_run_id}`
  const run = async () =>
    (await call(airflow, 'airflow', path)).body as { state: string; queued_at: string; end_date: string }
  await expect.poll(async () => (await run()).state, patience).toBe('success')
  const { queued_at, end_date } = await run()
  return Date.parse(end_date) - Date.parse(queued_at)
}

function show(name: string, times: readonly number[]): void {
  const sorted = times.toSorted((one, other) => one - other)
  const median = sorted[Math.floor(sorted.length / 2)]!
  console.log(`${name}: median ${Math.round(median)} ms of ${sorted.map(Math.round).join(', ')}`)
}

describe('how fast it starts', () => {
  it('ten tasks in a row, and the first line of a program that was triggered, in Airflow', {
    timeout: 400_000,
  }, async () => {
    const airflow = await startAirflow()
    const scripts = temporaryDirectory()
    writeFileSync(join(scripts, `${plan.id}.json`), '["done"]')
    mkdirSync(airflow.connection.dagsFolder, { recursive: true })
    writeFileSync(join(airflow.connection.dagsFolder, 'ten.py'), tenTasks)
    const { task: _, ...config } = airflowConfig(airflow)
    const orchestrator = openAirflowOrchestrator(config, {
      ...{ clock: systemClock, random: systemRandom, env: {}, directory: scripts },
      program: {
        command: [process.execPath, join(import.meta.dirname, '../../test/engines/airflow/scripted-task.ts'), scripts],
        ...{ project: scripts, state: scripts, target: 'test' },
      },
    })
    onTestFinished(() => orchestrator.close())
    await orchestrator.deploy(plan.pipeline, [plan])
    const started: number[] = []
    for (let round = 0; round < 6; round += 1) {
      const triggeredAt = Date.now()
      const run = await ended(orchestrator, await orchestrator.trigger(plan.id))
      for await (const { at, text } of orchestrator.admin.logs(run.dag, run.runId, 1)) {
        if (text === 'attempt 1') started.push(Date.parse(at) - triggeredAt)
      }
    }
    // The first loads what the others find loaded.
    show('trigger to first line', started.slice(1))

    await expect.poll(async () => (await call(airflow, 'airflow', '/dags/ten')).status, patience).toBe(200)
    const tens: number[] = []
    for (let round = 0; round < 4; round += 1) tens.push(await tenInAirflow(airflow))
    show('ten tasks in a row', tens.slice(1))
  })

  it('ten runs in a row, in the built-in scheduler', { timeout: 60_000 }, async () => {
    const path = join(temporaryDirectory(), 'orchestrator.db')
    const orchestrator = openEmbeddedOrchestrator({ path, clock: systemClock, random: systemRandom })
    const served = orchestrator.serve(
      { [plan.id]: async () => ({ kind: 'done', result: null }) },
      new AbortController().signal,
    )
    onTestFinished(async () => {
      await orchestrator.close()
      await served
    })
    await orchestrator.deploy(plan.pipeline, [plan])
    const times: number[] = []
    for (let round = 0; round < 5; round += 1) {
      const begun = performance.now()
      let run: Run | null = null
      for (let index = 0; index < 10; index += 1) run = await orchestrator.trigger(plan.id)
      await ended(orchestrator, run!)
      times.push(performance.now() - begun)
    }
    show('ten runs in a row', times)
  })
})
