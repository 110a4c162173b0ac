import { type Interval, intervalsWithin, openSchedule } from '../../../plan/intervals.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { DataInterval, LogLine, OrchestratorAdmin, Run } from '../../../ports/orchestrator.ts'
import { mostBackfilled, noSchedule, parseDate, rangeTooWide, wrongState } from '../../../ports/run-request.ts'
import { concludeAsLost } from './conclude.ts'
import { addIntervalRun } from './due.ts'
import { currentLease, isFree } from './lease.ts'
import { followLog } from './log-reader.ts'
import { numberCursor, pageOf, pageSize } from './paging.ts'
import { type DagRow, iso, planOf, type RunRow, toAttempt, toDag, toRun } from './rows.ts'
import type { Store } from './store.ts'

const mostAttemptsListed = 1000
/** Looking at one takes about ten microseconds, and the process does nothing else meanwhile. */
const mostIntervalsLookedAt = 20_000

export function createAdmin(store: Store, clock: Clock, pollMs: number): OrchestratorAdmin {
  return {
    async dags(request = {}) {
      const size = pageSize(request)
      const sql = 'SELECT * FROM dags WHERE id > ? ORDER BY id LIMIT ?'
      const rows = store.all<DagRow>(sql, request.after ?? '', size + 1)
      return pageOf(
        rows,
        size,
        ({ id }) => id,
        row => toDag(row, clock.now()),
      )
    },
    async runs(request = {}) {
      const { dag = null, state = null, from, to } = request
      if (dag !== null) store.dag(dag)
      const size = pageSize(request)
      const rows = store.runs({
        dag,
        state,
        from: from === undefined ? null : parseDate(from, 'from'),
        to: to === undefined ? null : parseDate(to, 'to'),
        before: numberCursor(request.after),
        limit: size + 1,
      })
      return pageOf(rows, size, ({ id }) => String(id), toRun)
    },
    async run(dag, runId) {
      return toRun(store.run(dag, runId))
    },
    async attempts(dag, runId, { limit = mostAttemptsListed } = {}) {
      const run = store.run(dag, runId)
      return store.attempts(run, limit).map(row => toAttempt(run, row))
    },
    logs(dag, runId, attempt, options = {}): AsyncIterable<LogLine> {
      return followLog(store, clock, pollMs, { dag, runId, attempt, ...options })
    },
    async pause(dag, paused) {
      store.write(() => {
        store.dag(dag)
        store.change('UPDATE dags SET paused = ? WHERE id = ?', paused ? 'user' : 'no', dag)
      })
    },
    async cancel(dag, runId) {
      return store.write(() => cancel(store, store.run(dag, runId), clock.now()))
    },
    async clear(dag, runId) {
      return store.write(() => clear(store, store.run(dag, runId), clock.now()))
    },
    async backfill(dag, { from, to, dryRun = false }) {
      const range = { start: parseDate(from, 'from'), end: parseDate(to, 'to') }
      return store.write(() => backfill(store, store.dag(dag), range, dryRun, clock.now()))
    },
  }
}

function cancel(store: Store, run: RunRow, now: number): Run {
  if (run.state !== 'queued' && run.state !== 'running') throw wrongState(toRun(run), 'cancelled')
  store.change('UPDATE runs SET cancel_requested = 1 WHERE id = ?', run.id)
  const attempt = store.attempt(run, run.attempts)
  if (attempt?.state !== 'running') store.endRun(run, 'cancelled', now)
  // Nobody is left to end the attempt.
  else if (isFree(currentLease(store))) concludeAsLost(store, attempt, now)
  return toRun(store.runById(run.id))
}

function clear(store: Store, run: RunRow, now: number): Run {
  if (run.state === 'queued' || run.state === 'running') throw wrongState(toRun(run), 'cleared')
  store.moveRun(run, 'queued')
  store.change(
    `UPDATE runs SET cancel_requested = 0, attempts_before_clear = attempts, note = NULL,
       queued_at = ?, started_at = NULL, ended_at = NULL WHERE id = ?`,
    ...[now, run.id],
  )
  return toRun(store.runById(run.id))
}

function backfill(store: Store, dag: DagRow, range: Interval, dryRun: boolean, now: number): DataInterval[] {
  const { schedule } = planOf(dag)
  if (schedule === null) throw noSchedule(dag.id)
  const missing: Interval[] = []
  let looked = 0
  for (const interval of intervalsWithin(openSchedule(schedule), range.start, Math.min(range.end, now))) {
    if (missing.length === mostBackfilled) break
    if (looked++ === mostIntervalsLookedAt) throw rangeTooWide(mostIntervalsLookedAt)
    if (!store.hasIntervalRun(dag.id, interval.start)) missing.push(interval)
  }
  if (!dryRun) for (const interval of missing) addIntervalRun(store, dag.id, 'backfill', interval, now)
  return missing.map(({ start, end }) => ({ start: iso(start), end: iso(end) }))
}
