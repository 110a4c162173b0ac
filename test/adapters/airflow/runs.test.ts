import { describe, expect, it } from 'vitest'
import type { Call } from '../../../src/adapters/airflow/exchange.ts'
import { cancelNote, listRuns, readRun } from '../../../src/adapters/airflow/runs.ts'
import type { Json } from '../../../src/sdk/json.ts'
import { dagRun, scriptedClient, taskInstance } from './scripted-client.ts'

/** One run and its task, as everything that is asked for them answers. */
function airflow(run: Json, task: Json | null): (call: Call) => Json {
  return ({ path }) => {
    if (path.includes('/taskInstances')) return { task_instances: task === null ? [] : [task] }
    if (path === '/api/v2/dags') return { dags: [{ dag_id: 'fetch' }] }
    return path.endsWith('/dagRuns') ? { dag_runs: [run], next_cursor: null } : run
  }
}

const read = (run: Json, task: Json | null) => readRun(scriptedClient(airflow(run, task)), 'fetch', 'manual__1')

describe('a run in Airflow', () => {
  it('has begun as many attempts as its task has tries, but for one that waits', async () => {
    expect(await read(dagRun(), null)).toMatchObject({ attempts: 0 })
    expect(await read(dagRun(), taskInstance({ state: null, try_number: 0 }))).toMatchObject({ attempts: 0 })
    for (const state of ['scheduled', 'queued']) {
      expect(await read(dagRun(), taskInstance({ state, try_number: 2 }))).toMatchObject({ attempts: 1 })
    }
    for (const state of ['running', 'up_for_retry', 'success', null]) {
      expect(await read(dagRun(), taskInstance({ state, try_number: 2 }))).toMatchObject({ attempts: 2 })
    }
  })

  it('is cancelled as long as its note is about its last attempt', async () => {
    const failed = dagRun({ state: 'failed', note: cancelNote(1) })
    expect(await read(failed, taskInstance({ state: 'failed' }))).toMatchObject({ state: 'cancelled' })
    expect(await read(failed, taskInstance({ state: 'failed', try_number: 2 }))).toMatchObject({ state: 'failed' })
    expect(await read(dagRun({ state: 'failed' }), null)).toMatchObject({ state: 'failed' })
  })

  it('without a logical date has the time at which it was due', async () => {
    const dates = { logical_date: null, data_interval_start: null, data_interval_end: null }
    const at = '2026-03-05T00:00:00.000Z'
    const run = await read(dagRun({ ...dates, run_after: '2026-03-05T00:00:00Z', run_type: 'asset_triggered' }), null)
    expect(run).toMatchObject({ kind: 'manual', logicalDate: at, interval: { start: at, end: at } })
  })

  it('is refused where Airflow does not answer as its API says', async () => {
    const { state: _, ...half } = dagRun()
    await expect(read(half, null)).rejects.toMatchObject({
      ...{ code: 'ORCHESTRATOR_FAILED', retry: 'never', message: expect.stringContaining('DAGRunResponse.state') },
    })
  })
})

describe('a list of runs in Airflow', () => {
  it('looks on for one that is ours, and in the state asked for', async () => {
    const note = cancelNote(0)
    const pages: { readonly [cursor: string]: Json } = {
      '': { dag_runs: [dagRun({ dag_id: 'foreign', state: 'failed', note })], next_cursor: 'second' },
      second: { dag_runs: [dagRun({ state: 'failed' })], next_cursor: 'third' },
      third: { dag_runs: [dagRun({ state: 'failed', note })], next_cursor: 'fourth' },
    }
    const client = scriptedClient(call => {
      const { path, query } = call
      return path === '/api/v2/dags/~/dagRuns' ? pages[String(query?.cursor)]! : airflow(null, null)(call)
    })
    const { items, next } = await listRuns(client, { state: 'cancelled' })
    expect(items).toMatchObject([{ dag: 'fetch', state: 'cancelled' }])
    expect(next).toBe('fourth')
  })
})
