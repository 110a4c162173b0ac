import type { Run, TriggerRequest } from '../../../ports/orchestrator.ts'
import { checkConf, checkRunId, parseDate, refuseReserved, runExists } from '../../../ports/run-request.ts'
import { iso, toRun } from './rows.ts'
import type { Store } from './store.ts'

/** Queues a manual run; its interval has no length and starts at its logical date. */
export function trigger(store: Store, dag: string, request: TriggerRequest, now: number): Run {
  const { runId, logicalDate, conf = {} } = request
  const asked = logicalDate === undefined ? null : parseDate(logicalDate, 'logicalDate')
  if (runId !== undefined) checkRunId(runId)
  checkConf(conf)
  return store.write(() => {
    store.dag(dag)
    const date = asked ?? freeDate(store, dag, now)
    const id = runId ?? `manual__${iso(date)}`
    const same = store.findRun(dag, id)
    if (same) return toRun(same)
    refuseReserved(id)
    const other = store.runOf(dag, date)
    if (other) throw runExists(dag, other.run_id, iso(date))
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
