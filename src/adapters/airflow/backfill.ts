import { type Interval, intervalsWithin, openSchedule } from '../../plan/intervals.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DataInterval } from '../../ports/orchestrator.ts'
import { mostBackfilled, noSchedule, parseDate, rangeTooWide } from '../../ports/run-request.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { readAnswers } from './answers.ts'
import type { AirflowDag } from './api.ts'
import type { Client } from './client.ts'
import { isRefusal } from './refusal.ts'

const mostIntervalsLookedAt = 20_000

export interface BackfillRange {
  readonly from: string
  readonly to: string
  readonly dryRun?: boolean
}

/** @throws MillraceError `CONFIG_INVALID` without a schedule; `RUN_STATE` while another backfill of the DAG goes on. */
export async function backfill(
  client: Client,
  clock: Clock,
  { plan }: AirflowDag,
  { from, to, dryRun = false }: BackfillRange,
): Promise<readonly DataInterval[]> {
  if (plan.schedule === null) throw noSchedule(plan.id)
  const end = Math.min(parseDate(to, 'to'), clock.now())
  const complete: Interval[] = []
  for (const interval of intervalsWithin(openSchedule(plan.schedule), parseDate(from, 'from'), end)) {
    if (complete.length === mostIntervalsLookedAt) throw rangeTooWide(mostIntervalsLookedAt)
    complete.push(interval)
  }
  const missing = (await withoutRun(client, plan.id, complete)).slice(0, mostBackfilled)
  if (!dryRun && missing.length > 0) await create(client, plan.id, missing)
  return missing.map(interval => ({ start: iso(interval.start), end: iso(interval.end) }))
}

async function withoutRun(client: Client, dag: string, intervals: readonly Interval[]): Promise<readonly Interval[]> {
  if (intervals.length === 0) return []
  const path = '/api/v2/backfills/dry_run'
  const json = await client.call({ method: 'POST', path, body: request(dag, intervals), repeatable: true })
  const dates = readAnswers('DryRunBackfillResponse', json, 'backfills').map(each =>
    Date.parse(each.logical_date ?? ''),
  )
  const missing = new Set(dates)
  return intervals.filter(({ start }) => missing.has(start))
}

async function create(client: Client, dag: string, intervals: readonly Interval[]): Promise<void> {
  try {
    await client.call({ method: 'POST', path: '/api/v2/backfills', body: request(dag, intervals) })
  } catch (thrown) {
    if (!isRefusal(thrown, 409)) throw thrown
    throw new MillraceError('RUN_STATE', `Another backfill of "${dag}" goes on, and Airflow takes one at a time.`, {
      place: dag,
      fix: 'Wait until it has ended, or cancel it in Airflow.',
      retry: 'later',
      cause: thrown,
    })
  }
}

/** Airflow takes the first and the last logical date, both included. */
function request(dag: string, intervals: readonly Interval[]) {
  return {
    dag_id: dag,
    from_date: iso(intervals[0]!.start),
    to_date: iso(intervals.at(-1)!.start),
    reprocess_behavior: 'none',
    max_active_runs: 1,
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
