import { type Interval, nextInterval, openSchedule } from '../../../plan/intervals.ts'
import { longestRetryDelayMs } from './outcome.ts'
import { type DagRow, iso, planOf, progressOf, type RunRow } from './rows.ts'
import type { Store } from './store.ts'

/**
 * Queues the runs of a DAG whose interval has ended, at most as many as leave `limit` waiting.
 * Returns when to look again: the end of the next interval, in milliseconds since 1970 UTC.
 */
export function scheduleDueRuns(store: Store, dag: DagRow, now: number, limit: number): number {
  const plan = planOf(dag)
  if (dag.paused !== 'no' || plan.schedule === null) return Number.POSITIVE_INFINITY
  const schedule = openSchedule(plan.schedule)
  let progress = progressOf(dag, plan)
  let waiting = queuedScheduledRuns(store, dag.id)
  for (;;) {
    const interval = nextInterval(schedule, progress, now)
    if (interval === null) return Number.POSITIVE_INFINITY
    if (interval.end > now) return interval.end
    // One of those waiting has to start first, and its start brings the next look.
    if (waiting >= limit) return Number.POSITIVE_INFINITY
    if (!store.hasIntervalRun(dag.id, interval.start)) {
      addIntervalRun(store, dag.id, 'scheduled', interval, now)
      waiting += 1
    }
    store.change('UPDATE dags SET last_start = ?, last_end = ? WHERE id = ?', interval.start, interval.end, dag.id)
    progress = { ...progress, last: interval }
  }
}

function queuedScheduledRuns(store: Store, dag: string): number {
  const sql = `SELECT count(*) AS count FROM runs WHERE dag = ? AND state = 'queued' AND kind = 'scheduled'`
  return store.one<{ count: number }>(sql, dag)!.count
}

export function addIntervalRun(
  store: Store,
  dag: string,
  kind: 'scheduled' | 'backfill',
  interval: Interval,
  now: number,
): RunRow {
  const runId = `${kind}__${iso(interval.start)}`
  return store.addRun({ dag, runId, kind, logicalDate: interval.start, interval, conf: {}, queuedAt: now })
}

/**
 * The run of a DAG that may begin an attempt now: its running one, if it waits for nothing else, or else the one
 * queued longest. Backfills come after all others, so that a long one does not hold up the schedule.
 */
export function nextRun(store: Store, dag: DagRow, now: number): RunRow | null {
  const active = store.one<RunRow>(`SELECT * FROM runs WHERE dag = ? AND state = 'running'`, dag.id)
  if (active) {
    if (active.due_at === null) return null
    // Later than any pause can be: the clock has stepped back since.
    const due = active.due_at <= now || active.due_at > now + 2 * longestRetryDelayMs
    return due ? active : null
  }
  if (dag.paused !== 'no') return null
  const sql = `SELECT * FROM runs WHERE dag = ? AND state = 'queued' ORDER BY kind = 'backfill', queued_at, id LIMIT 1`
  return store.one<RunRow>(sql, dag.id) ?? null
}

/** When the DAG's run between two attempts goes on, in milliseconds since 1970 UTC. */
export function nextRetry(store: Store, dag: string): number {
  const sql = `SELECT due_at FROM runs WHERE dag = ? AND state = 'running' AND due_at IS NOT NULL`
  return store.one<{ due_at: number }>(sql, dag)?.due_at ?? Number.POSITIVE_INFINITY
}
