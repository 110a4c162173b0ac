import type { Run, TriggerRequest } from '../../../ports/orchestrator.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { parseDate } from './dates.ts'
import { iso, toRun } from './rows.ts'
import type { Store } from './store.ts'

const longestConf = 64 * 1024

/** Queues a manual run; its interval has no length and starts at its logical date. */
export function trigger(store: Store, dag: string, request: TriggerRequest, now: number): Run {
  const { runId, logicalDate, conf = {} } = request
  const asked = logicalDate === undefined ? null : parseDate(logicalDate, 'logicalDate')
  if (runId !== undefined) checkRunId(runId)
  if (Buffer.byteLength(JSON.stringify(conf)) > longestConf) {
    throw new MillraceError('CONFIG_INVALID', 'The conf of a run is larger than 64 KiB.', { place: 'conf' })
  }
  return store.write(() => {
    store.dag(dag)
    const date = asked ?? freeDate(store, dag, now)
    const id = runId ?? `manual__${iso(date)}`
    const same = store.findRun(dag, id)
    if (same) return toRun(same)
    if (/^(scheduled|backfill)__/.test(id)) throw reserved(id)
    const other = store.runOf(dag, date)
    if (other) {
      const message = `DAG "${dag}" already has run "${other.run_id}" for ${iso(date)}.`
      throw new MillraceError('RUN_EXISTS', message, {
        place: `${dag}/${other.run_id}`,
        fix: 'Clear that run to run it again, or choose another logical date.',
      })
    }
    const interval = { start: date, end: date }
    return toRun(store.addRun({ dag, runId: id, kind: 'manual', logicalDate: date, interval, conf, queuedAt: now }))
  })
}

/** Two triggers within one millisecond are two runs. */
function freeDate(store: Store, dag: string, now: number): number {
  let date = now
  while (store.runOf(dag, date)) date += 1
  return date
}

/** The characters that Airflow allows. */
function checkRunId(id: string): void {
  if (/^[A-Za-z0-9_.~:+-]{1,250}$/.test(id)) return
  throw new MillraceError('NAME_INVALID', `"${id}" cannot be a run id.`, {
    place: 'runId',
    fix: 'Use up to 250 letters, digits and _ . ~ : + -',
  })
}

function reserved(id: string): MillraceError {
  return new MillraceError('NAME_INVALID', `The run id "${id}" has a prefix that only the scheduler gives.`, {
    place: 'runId',
    fix: 'Choose another run id, such as one that starts with "manual__".',
  })
}
