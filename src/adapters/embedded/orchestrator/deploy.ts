import { isDeepStrictEqual } from 'node:util'
import { openSchedule } from '../../../plan/intervals.ts'
import type { DagPlan } from '../../../plan/plan.ts'
import type { DagChange } from '../../../ports/orchestrator.ts'
import { ownedByOther, parseDate } from '../../../ports/run-request.ts'
import { type DagRow, planOf } from './rows.ts'
import type { Store } from './store.ts'

/**
 * All or nothing.
 * @throws MillraceError `SCHEDULE_INVALID`; `NAME_DUPLICATE` for a DAG of another pipeline.
 */
export function deploy(store: Store, pipeline: string, dags: readonly DagPlan[], now: number): DagChange[] {
  for (const { schedule, startDate } of dags) {
    if (schedule !== null) openSchedule(schedule)
    if (startDate !== null) parseDate(startDate, 'startDate')
  }
  return store.write(() => [
    ...dags.map(plan => ({ dag: plan.id, change: deployOne(store, pipeline, plan, now) })),
    ...pauseOthers(store, pipeline, new Set(dags.map(({ id }) => id))),
  ])
}

function deployOne(store: Store, pipeline: string, plan: DagPlan, now: number): DagChange['change'] {
  const found = store.findDag(plan.id)
  if (!found) {
    const sql = 'INSERT INTO dags (id, pipeline, plan, deployed_at) VALUES (?, ?, ?, ?)'
    store.change(sql, plan.id, pipeline, JSON.stringify(plan), now)
    return 'created'
  }
  if (found.pipeline !== pipeline) {
    throw ownedByOther(plan.id, `pipeline "${found.pipeline}"`)
  }
  if (found.paused !== 'removed' && isDeepStrictEqual(planOf(found), plan)) return 'unchanged'
  store.change(
    `UPDATE dags SET plan = ?, paused = CASE paused WHEN 'removed' THEN 'no' ELSE paused END WHERE id = ?`,
    ...[JSON.stringify(plan), plan.id],
  )
  return 'updated'
}

function pauseOthers(store: Store, pipeline: string, kept: ReadonlySet<string>): DagChange[] {
  const active = store.all<DagRow>(`SELECT * FROM dags WHERE pipeline = ? AND paused = 'no' ORDER BY id`, pipeline)
  return active
    .filter(({ id }) => !kept.has(id))
    .map(({ id }) => {
      store.change(`UPDATE dags SET paused = 'removed' WHERE id = ?`, id)
      return { dag: id, change: 'paused' }
    })
}
