import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAirflowOrchestrator } from '../../../src/adapters/airflow/orchestrator.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import type { DagPlan } from '../../../src/plan/plan.ts'
import type { Orchestrator } from '../../../src/ports/orchestrator.ts'
import type { AirflowConfig } from '../../../src/sdk/targets/airflow.ts'
import type { AirflowConnection } from '../../../src/stack/engine.ts'
import { type RunningEngine, startEngine } from '../../../src/stack/start-engine.ts'
import {
  type DagScript,
  type OrchestratorFixture,
  orchestratorConformance,
} from '../../../src/testing/orchestrator-conformance.ts'
import { dagPlan } from '../../adapters/embedded/orchestrator/fixture.ts'

describe('Airflow as the orchestrator', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-airflow-'))
  let airflow: RunningEngine
  let count = 0

  beforeAll(async () => {
    airflow = await startEngine('airflow', { directory: join(directory, 'airflow') })
  })

  afterAll(async () => {
    await airflow?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  function openOrchestrator(changes: Partial<AirflowConfig> = {}): Orchestrator {
    const { url, user, passwordFile: file, dagsFolder: dags } = airflow.connection as AirflowConnection
    const auth = { kind: 'password', user, password: { file } } as const
    const command = [process.execPath, join(import.meta.dirname, 'scripted-task.ts'), directory]
    return openAirflowOrchestrator(
      { adapter: 'airflow', url, auth, dags, ...changes },
      {
        ...{ clock: systemClock, random: systemRandom, env: {}, directory },
        program: { command, project: directory, state: directory, target: 'test' },
      },
    )
  }

  /** A DAG that no other test has, whose task ends as the script says. */
  function newPlan({ exits = ['done'], schedule, attempts = 3, timeoutMs = 600_000 }: DagScript = {}): DagPlan {
    count += 1
    const [id, pipeline] = [`dag_${count}`, `pipeline_${count}`]
    writeFileSync(join(directory, `${id}.json`), JSON.stringify(exits))
    const task = { stage: `${pipeline}/${id}`, attempts, retryDelayMs: 1, timeoutMs }
    return dagPlan({ id, pipeline, schedule: schedule ?? null, task })
  }

  async function open(): Promise<OrchestratorFixture> {
    const orchestrator = openOrchestrator()
    return {
      orchestrator,
      patienceMs: 60_000,
      async dag(script) {
        const plan = newPlan(script)
        await orchestrator.deploy(plan.pipeline, [plan])
        return plan
      },
      close: () => orchestrator.close(),
    }
  }

  for (const { rule, check } of orchestratorConformance(open)) it(rule, { timeout: 120_000 }, check)

  it('says why Airflow cannot read a DAG, and which stage it is of', { timeout: 120_000 }, async () => {
    const orchestrator = openOrchestrator()
    const plan = newPlan()
    // Longer than Python can say.
    const impossible = { ...plan, task: { ...plan.task, timeoutMs: 10 ** 18 } }
    await expect(orchestrator.deploy(plan.pipeline, [impossible])).rejects.toMatchObject({
      ...{ code: 'ORCHESTRATOR_REFUSED', retry: 'never', place: expect.stringContaining(`millrace_${plan.id}.py`) },
      message: expect.stringMatching(new RegExp(`${plan.task.stage}:[^]*OverflowError`)),
    })
    expect((await orchestrator.deploy(plan.pipeline, [plan])).map(({ change }) => change)).toEqual(['created'])
    await orchestrator.close()
  })

  it('says so where Airflow reads another folder, until it is copied there, and touches no file of others', {
    timeout: 120_000,
  }, async () => {
    const elsewhere = openOrchestrator({ dags: 'elsewhere', limits: { parse: '2s' } })
    const plan = newPlan()
    await expect(elsewhere.deploy(plan.pipeline, [plan])).rejects.toMatchObject({ code: 'ORCHESTRATOR_FAILED' })
    const foreign = join(directory, 'elsewhere', `millrace_${plan.id}.py`)
    copyFileSync(foreign, join((airflow.connection as AirflowConnection).dagsFolder, `millrace_${plan.id}.py`))
    const copied = async () => (await elsewhere.deploy(plan.pipeline, [plan]).catch(() => []))[0]?.change
    await expect.poll(copied).toBe('unchanged')
    writeFileSync(foreign, '# Mine.')
    const refused = elsewhere.deploy(plan.pipeline, [{ ...plan, task: { ...plan.task, attempts: 9 } }])
    await expect(refused).rejects.toMatchObject({ code: 'NAME_DUPLICATE', place: foreign })
    expect(readFileSync(foreign, 'utf8')).toBe('# Mine.')
    await elsewhere.close()
  })
})
