import { nextInterval, openSchedule, type Progress } from '../../../plan/intervals.ts'
import type { DagPlan } from '../../../plan/plan.ts'
import type { Attempt, AttemptState, Dag, LogLine, Run, RunState } from '../../../ports/orchestrator.ts'
import type { ErrorReport } from '../../../sdk/errors.ts'
import type { Json } from '../../../sdk/json.ts'

export interface DagRow {
  readonly id: string
  readonly pipeline: string
  readonly plan: string
  readonly paused: 'no' | 'user' | 'removed'
  readonly deployed_at: number
  readonly last_start: number | null
  readonly last_end: number | null
}

export interface RunRow {
  readonly id: number
  readonly dag: string
  readonly run_id: string
  readonly kind: Run['kind']
  readonly state: RunState
  readonly logical_date: number
  readonly interval_start: number
  readonly interval_end: number
  readonly conf: string
  readonly note: string | null
  readonly cancel_requested: number
  readonly attempts: number
  readonly attempts_before_clear: number
  readonly due_at: number | null
  readonly queued_at: number
  readonly started_at: number | null
  readonly ended_at: number | null
}

export interface AttemptRow {
  readonly id: number
  readonly run: number
  readonly attempt: number
  readonly state: AttemptState
  readonly started_at: number | null
  readonly ended_at: number | null
  readonly result: string
  readonly error: string | null
}

export interface LogLineRow {
  readonly line: number
  readonly at: number
  readonly level: LogLine['level']
  readonly text: string
  readonly facts: string
}

export function iso(time: number): string {
  return new Date(time).toISOString()
}

function isoOrNull(time: number | null): string | null {
  return time === null ? null : iso(time)
}

export function planOf(row: DagRow): DagPlan {
  return JSON.parse(row.plan) as DagPlan
}

export function progressOf(row: DagRow, plan: DagPlan): Progress {
  return {
    catchup: plan.catchup,
    startDate: plan.startDate === null ? null : Date.parse(plan.startDate),
    deployedAt: row.deployed_at,
    last: row.last_start === null || row.last_end === null ? null : { start: row.last_start, end: row.last_end },
  }
}

export function toDag(row: DagRow, now: number): Dag {
  const plan = planOf(row)
  const paused = row.paused !== 'no'
  const next =
    plan.schedule === null || paused ? null : nextInterval(openSchedule(plan.schedule), progressOf(row, plan), now)
  return { plan, paused, nextRunAt: isoOrNull(next?.end ?? null) }
}

export function toRun(row: RunRow): Run {
  return {
    dag: row.dag,
    runId: row.run_id,
    kind: row.kind,
    state: row.state,
    logicalDate: iso(row.logical_date),
    interval: { start: iso(row.interval_start), end: iso(row.interval_end) },
    conf: JSON.parse(row.conf) as Json,
    note: row.note,
    attempts: row.attempts,
    queuedAt: iso(row.queued_at),
    startedAt: isoOrNull(row.started_at),
    endedAt: isoOrNull(row.ended_at),
  }
}

export function toAttempt(run: RunRow, row: AttemptRow): Attempt {
  return {
    dag: run.dag,
    runId: run.run_id,
    attempt: row.attempt,
    state: row.state,
    startedAt: isoOrNull(row.started_at),
    endedAt: isoOrNull(row.ended_at),
    result: JSON.parse(row.result) as Json,
    error: row.error === null ? null : (JSON.parse(row.error) as ErrorReport),
  }
}

export function toLogLine(row: LogLineRow): LogLine {
  return { at: iso(row.at), level: row.level, text: row.text, facts: JSON.parse(row.facts) as Json }
}
