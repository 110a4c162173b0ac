import { describe, expect, it } from 'vitest'
import { listAttempts } from '../../../src/adapters/airflow/attempts.ts'
import { readRun } from '../../../src/adapters/airflow/runs.ts'
import type { Json } from '../../../src/sdk/json.ts'
import { dagRun, scriptedClient, taskInstance } from './scripted-client.ts'

const at = '2026-03-01T00:00:00Z'
const error = { code: 'SOURCE_FAILED', message: 'No.', place: null, fix: null, retry: 'later', outcome: 'failed' }

/** A try of a task, and what its log says. */
function tried(number: number, state: string, log: readonly Json[]) {
  return { json: { state, try_number: number, max_tries: 2, start_date: at, end_date: at }, log }
}

const line = (event: Json) => ({
  event: typeof event === 'string' ? event : JSON.stringify(event),
  timestamp: at,
  level: 'info',
})

function airflowWith(...tries: readonly ReturnType<typeof tried>[]) {
  const last = tries.at(-1)!.json
  return scriptedClient(({ path }) => {
    const log = /\/logs\/(\d+)$/.exec(path)?.[1]
    if (log !== undefined) return { content: tries[Number(log) - 1]!.log as Json[], continuation_token: null }
    if (path.endsWith('/tries')) return { task_instances: tries.map(({ json }) => json) }
    if (path.endsWith('/taskInstances')) return { task_instances: [taskInstance(last)] }
    return dagRun({ state: last.state })
  })
}

async function attempts(...tries: readonly ReturnType<typeof tried>[]) {
  const client = airflowWith(...tries)
  return listAttempts(client, await readRun(client, 'fetch', 'manual__1'), 'task')
}

describe('the attempts of a run in Airflow', () => {
  it('have their results and errors from the last line that their programs wrote, newest first', async () => {
    const retry = { stage: 'people/fetch', kind: 'retry', error, result: { pages: 1 } }
    const done = { stage: 'people/fetch', kind: 'done', result: { pages: 5 } }
    const found = await attempts(
      tried(1, 'failed', [line('::group::Pre Execute'), line('{"stage": broken'), line(retry), line('Command exited')]),
      tried(2, 'success', [line(done)]),
    )
    expect(found).toMatchObject([
      { attempt: 2, state: 'success', result: { pages: 5 }, error: null },
      { attempt: 1, state: 'up_for_retry', result: { pages: 1 }, error },
    ])
  })

  it('of which only the newest are asked for have only their logs read', async () => {
    const client = airflowWith(tried(1, 'failed', []), tried(2, 'failed', []), tried(3, 'success', []))
    const run = await readRun(client, 'fetch', 'manual__1')
    expect(await listAttempts(client, run, 'task', 2)).toMatchObject([
      { attempt: 3, state: 'success' },
      { attempt: 2, state: 'up_for_retry' },
    ])
    const logs = client.calls.map(({ path }) => /\/logs\/(\d+)$/.exec(path)?.[1] ?? [])
    expect(logs.flat()).toEqual(['3', '2'])
  })

  it('have timed out if Airflow says so, whatever the program said', async () => {
    const failure = { ...line('Task failed with exception'), error_detail: [{ exc_type: 'AirflowTaskTimeout' }] }
    const cancelled = line({
      stage: 'people/fetch',
      kind: 'retry',
      error: { ...error, code: 'RUN_CANCELLED' },
      result: null,
    })
    const [attempt] = await attempts(tried(1, 'failed', [cancelled, failure]))
    expect(attempt).toMatchObject({ state: 'timed_out', error: { code: 'TASK_TIMED_OUT' } })
  })

  it('have no error that is known where the program was killed', async () => {
    const [attempt] = await attempts(tried(1, 'failed', [line('Reading.')]))
    expect(attempt).toMatchObject({ state: 'failed', result: null, error: null })
  })
})
