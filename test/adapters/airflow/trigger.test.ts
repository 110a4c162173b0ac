import { describe, expect, it } from 'vitest'
import type { Call } from '../../../src/adapters/airflow/exchange.ts'
import { trigger } from '../../../src/adapters/airflow/trigger.ts'
import type { TriggerRequest } from '../../../src/ports/orchestrator.ts'
import type { Json } from '../../../src/sdk/json.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'
import { dagRun, scriptedClient, taskInstance } from './scripted-client.ts'

const now = '2026-03-01T00:00:00.000Z'
const clock = virtualClock({ start: Date.parse(now) })

function run(answer: (call: Call) => Json, request: TriggerRequest = {}) {
  const client = scriptedClient(answer)
  return { client, run: trigger(client, clock, 'fetch', request) }
}

/** What Airflow says to a run that it has: by its id, of the task, and in the list of a logical date. */
function existing({ path, method }: Call): Json {
  if (method === 'POST' && path.endsWith('/dagRuns')) return 409
  if (path.endsWith('/dagRuns')) return { dag_runs: [dagRun({ dag_run_id: 'other' })], next_cursor: null }
  if (path.endsWith('/taskInstances') || path.endsWith('/list')) return { task_instances: [taskInstance()] }
  return path.endsWith('/manual__1') ? dagRun({ state: 'success' }) : 404
}

describe('a trigger of a DAG in Airflow', () => {
  it('asks for a run of its own interval, which has no length', async () => {
    const { client, run: made } = run(() => dagRun(), { conf: { colour: 'blue' } })
    expect(await made).toMatchObject({ runId: 'manual__1', kind: 'manual', state: 'queued', attempts: 0 })
    const dates = { logical_date: now, data_interval_start: now, data_interval_end: now, run_after: now }
    expect(client.calls.map(({ body }) => body)).toEqual([
      { dag_run_id: `manual__${now}`, ...dates, conf: { colour: 'blue' } },
    ])
  })

  it('gives the run there is for its id, with its dates cut to milliseconds', async () => {
    const { run: same } = run(existing, { runId: 'manual__1' })
    expect(await same).toMatchObject({ state: 'success', attempts: 1, logicalDate: '2026-03-01T00:00:00.123Z' })
  })

  it('names the run that has its logical date', async () => {
    const { run: refused } = run(existing, { runId: 'mine', logicalDate: now })
    await expect(refused).rejects.toMatchObject({ code: 'RUN_EXISTS', place: 'fetch/other' })
  })

  it('takes the next millisecond where another run has this one', async () => {
    const answers = [409, 409, dagRun()]
    const { client, run: made } = run(() => answers.shift()!)
    await made
    expect(client.calls.map(({ body }) => body?.dag_run_id)).toEqual([
      ...['manual__2026-03-01T00:00:00.000Z', 'manual__2026-03-01T00:00:00.001Z', 'manual__2026-03-01T00:00:00.002Z'],
    ])
  })

  it('says which DAG there is not, and refuses names that schedulers give', async () => {
    await expect(run(() => 404).run).rejects.toMatchObject({ code: 'DAG_UNKNOWN' })
    await expect(run(() => 404, { runId: 'scheduled__1' }).run).rejects.toMatchObject({ code: 'NAME_INVALID' })
    await expect(run(() => 404, { runId: 'a b' }).run).rejects.toMatchObject({ code: 'NAME_INVALID' })
    await expect(run(() => 404, { logicalDate: 'soon' }).run).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
