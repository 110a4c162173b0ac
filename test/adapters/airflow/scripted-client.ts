import type { Client } from '../../../src/adapters/airflow/client.ts'
import type { Call } from '../../../src/adapters/airflow/exchange.ts'
import { AirflowRefusal } from '../../../src/adapters/airflow/refusal.ts'
import type { Json } from '../../../src/sdk/json.ts'

/** A client whose calls are answered by a function; a number stands for a refusal with that status. */
export function scriptedClient(answer: (call: Call) => Json): Client & { readonly calls: readonly Call[] } {
  const calls: Call[] = []
  return {
    calls,
    async call(call) {
      calls.push(call)
      const given = answer(call)
      if (typeof given === 'number') throw new AirflowRefusal(given, 'As scripted.', call.path, 'None.')
      return given
    },
    close() {},
  }
}

/** A run as Airflow gives it, queued and begun never. */
export function dagRun(changes: { readonly [field: string]: Json } = {}): { readonly [field: string]: Json } {
  const at = '2026-03-01T00:00:00.123456Z'
  return {
    ...{ dag_id: 'fetch', dag_run_id: 'manual__1', run_type: 'manual', state: 'queued', conf: {}, note: null },
    ...{ logical_date: at, data_interval_start: at, data_interval_end: at, run_after: at, queued_at: at },
    ...{ start_date: null, end_date: null },
    ...changes,
  }
}

export function taskInstance(changes: { readonly [field: string]: Json } = {}): Json {
  return { dag_id: 'fetch', dag_run_id: 'manual__1', state: 'success', try_number: 1, ...changes }
}
