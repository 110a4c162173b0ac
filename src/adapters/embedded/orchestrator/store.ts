import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { Interval } from '../../../plan/intervals.ts'
import {
  type AttemptState,
  attemptTransitions,
  type Run,
  type RunState,
  runTransitions,
} from '../../../ports/orchestrator.ts'
import { dagUnknown, runUnknown } from '../../../ports/run-request.ts'
import type { ErrorReport } from '../../../sdk/errors.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import type { Json } from '../../../sdk/json.ts'
import { guard, transaction } from '../database.ts'
import type { AttemptRow, DagRow, LogLineRow, RunRow } from './rows.ts'
import { openOrchestratorDatabase } from './schema.ts'

export interface NewRun {
  readonly dag: string
  readonly runId: string
  readonly kind: Run['kind']
  readonly logicalDate: number
  readonly interval: Interval
  readonly conf: Json
  readonly queuedAt: number
}

export interface RunFilter {
  readonly dag: string | null
  readonly state: RunState | null
  /** Logical date at or after, and before. */
  readonly from: number | null
  readonly to: number | null
  /** Only runs made before this one. */
  readonly before: number | null
  readonly limit: number
}

/** One connection to the orchestrator's file, and every statement on runs and attempts. */
export class Store {
  readonly path: string
  readonly database: DatabaseSync

  /** @throws MillraceError `STATE_VERSION`, `STATE_READ_ONLY`, `STATE_CORRUPT`. */
  constructor(path: string) {
    this.path = path
    this.database = openOrchestratorDatabase(path)
  }

  close(): void {
    this.database.close()
  }

  write<T>(work: () => T): T {
    return transaction(this.database, this.path, work)
  }

  /** Differs from the last answer if another connection has changed the file since. */
  dataVersion(): number {
    return this.one<{ data_version: number }>('PRAGMA data_version')!.data_version
  }

  one<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return guard(this.path, () => this.database.prepare(sql).get(...values)) as Row | undefined
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return guard(this.path, () => this.database.prepare(sql).all(...values)) as Row[]
  }

  /** The number of rows changed. */
  change(sql: string, ...values: SQLInputValue[]): number {
    return Number(guard(this.path, () => this.database.prepare(sql).run(...values)).changes)
  }

  /** @throws MillraceError `DAG_UNKNOWN`. */
  dag(id: string): DagRow {
    const row = this.findDag(id)
    if (row) return row
    throw dagUnknown(id)
  }

  findDag(id: string): DagRow | undefined {
    return this.one<DagRow>('SELECT * FROM dags WHERE id = ?', id)
  }

  /** @throws MillraceError `RUN_UNKNOWN`. */
  run(dag: string, runId: string): RunRow {
    const row = this.findRun(dag, runId)
    if (row) return row
    throw runUnknown(dag, runId)
  }

  findRun(dag: string, runId: string): RunRow | undefined {
    return this.one<RunRow>('SELECT * FROM runs WHERE dag = ? AND run_id = ?', dag, runId)
  }

  runById(id: number): RunRow {
    return this.one<RunRow>('SELECT * FROM runs WHERE id = ?', id)!
  }

  /** Any run of this logical date. */
  runOf(dag: string, logicalDate: number): RunRow | undefined {
    return this.one<RunRow>('SELECT * FROM runs WHERE dag = ? AND logical_date = ?', dag, logicalDate)
  }

  /** Scheduled or backfilled: an interval has at most one such run (G9). */
  hasIntervalRun(dag: string, logicalDate: number): boolean {
    const sql = `SELECT 1 FROM runs WHERE dag = ? AND logical_date = ? AND kind <> 'manual'`
    return this.one(sql, dag, logicalDate) !== undefined
  }

  runs(filter: RunFilter): RunRow[] {
    const { dag, state, from, to, before, limit } = filter
    const conditions: [string, SQLInputValue][] = []
    if (dag !== null) conditions.push(['dag = ?', dag])
    if (state !== null) conditions.push(['state = ?', state])
    if (from !== null) conditions.push(['logical_date >= ?', from])
    if (to !== null) conditions.push(['logical_date < ?', to])
    if (before !== null) conditions.push(['id < ?', before])
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.map(([text]) => text).join(' AND ')}`
    const sql = `SELECT * FROM runs ${where} ORDER BY id DESC LIMIT ?`
    return this.all<RunRow>(sql, ...conditions.map(([, value]) => value), limit)
  }

  addRun(run: NewRun): RunRow {
    const { dag, runId, kind, logicalDate, interval, conf, queuedAt } = run
    this.change(
      `INSERT INTO runs (dag, run_id, kind, logical_date, interval_start, interval_end, conf, queued_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[dag, runId, kind, logicalDate, interval.start, interval.end, JSON.stringify(conf), queuedAt],
    )
    return this.run(dag, runId)
  }

  /** Every change of a run's state goes through here. */
  moveRun(run: RunRow, to: RunState): void {
    assertTransition(runTransitions, run.state, to, `run ${run.dag}/${run.run_id}`)
    const changed = this.change('UPDATE runs SET state = ? WHERE id = ? AND state = ?', to, run.id, run.state)
    if (changed !== 1) throw broken(`run ${run.dag}/${run.run_id} is not ${run.state}`)
  }

  /** Every change of an attempt's state goes through here. */
  moveAttempt(attempt: AttemptRow, to: AttemptState): void {
    const name = `attempt ${attempt.attempt} of run ${attempt.run}`
    assertTransition(attemptTransitions, attempt.state, to, name)
    const sql = 'UPDATE attempts SET state = ? WHERE id = ? AND state = ?'
    if (this.change(sql, to, attempt.id, attempt.state) !== 1) throw broken(`${name} is not ${attempt.state}`)
  }

  /** Begins the run's next attempt. */
  beginAttempt(run: RunRow, now: number): AttemptRow {
    if (run.state === 'queued') this.moveRun(run, 'running')
    const number = run.attempts + 1
    this.change(
      'UPDATE runs SET attempts = ?, due_at = NULL, started_at = coalesce(started_at, ?) WHERE id = ?',
      ...[number, now, run.id],
    )
    this.change('INSERT INTO attempts (run, attempt, started_at) VALUES (?, ?, ?)', run.id, number, now)
    const queued = this.attempt(run, number)!
    this.moveAttempt(queued, 'running')
    return { ...queued, state: 'running' }
  }

  endAttempt(attempt: AttemptRow, to: AttemptState, now: number, result: string, error: ErrorReport | null): void {
    this.moveAttempt(attempt, to)
    this.change(
      'UPDATE attempts SET ended_at = ?, result = ?, error = ? WHERE id = ?',
      ...[now, result, error === null ? null : JSON.stringify(error), attempt.id],
    )
  }

  endRun(run: RunRow, to: 'success' | 'failed' | 'cancelled', now: number): void {
    this.moveRun(run, to)
    this.change('UPDATE runs SET ended_at = ?, due_at = NULL WHERE id = ?', now, run.id)
  }

  attempt(run: Pick<RunRow, 'id'>, number: number): AttemptRow | undefined {
    return this.one<AttemptRow>('SELECT * FROM attempts WHERE run = ? AND attempt = ?', run.id, number)
  }

  /** Newest first. */
  attempts(run: Pick<RunRow, 'id'>, limit: number): AttemptRow[] {
    return this.all<AttemptRow>('SELECT * FROM attempts WHERE run = ? ORDER BY attempt DESC LIMIT ?', run.id, limit)
  }

  runningAttempts(): AttemptRow[] {
    return this.all<AttemptRow>(`SELECT * FROM attempts WHERE state = 'running' ORDER BY id`)
  }

  addLogLines(attempt: number, lines: readonly LogLineRow[]): void {
    const insert = this.database.prepare('INSERT INTO log_lines VALUES (?, ?, ?, ?, ?, ?)')
    for (const { line, at, level, text, facts } of lines) insert.run(attempt, line, at, level, text, facts)
  }

  logLines(attempt: number, after: number, limit: number): LogLineRow[] {
    const sql = 'SELECT * FROM log_lines WHERE attempt = ? AND line > ? ORDER BY line LIMIT ?'
    return this.all<LogLineRow>(sql, attempt, after, limit)
  }
}

function assertTransition(
  table: { readonly [from: string]: readonly string[] },
  from: string,
  to: string,
  what: string,
): void {
  if (!table[from]?.includes(to)) throw broken(`${what} may not go from ${from} to ${to}`)
}

function broken(what: string): MillraceError {
  return new MillraceError('INVARIANT_BROKEN', `The orchestrator found that ${what}.`)
}
