import type { DagPlan } from '../plan/plan.ts'
import type { ErrorReport } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'
import type { Logger, LogLevel } from './logger.ts'
import type { Page, PageRequest } from './paging.ts'

/**
 * Every state of a run and what may follow it. A running one goes back to `queued` when the process that served it
 * stops in order; an ended one when it is cleared.
 */
export const runTransitions = {
  queued: ['running', 'cancelled'],
  running: ['success', 'failed', 'cancelled', 'queued'],
  success: ['queued'],
  failed: ['queued'],
  cancelled: ['queued'],
} as const satisfies Record<string, readonly string[]>

export type RunState = keyof typeof runTransitions

/** Every state of an attempt and what may follow it. A run with an attempt `up_for_retry` stays `running`. */
export const attemptTransitions = {
  queued: ['running', 'cancelled'],
  running: ['success', 'failed', 'up_for_retry', 'timed_out', 'lost', 'cancelled'],
  success: [],
  failed: [],
  /** It failed, and a further attempt is due. */
  up_for_retry: [],
  timed_out: [],
  /**
   * Its process vanished. A new attempt follows at once, which does not count against the task's attempts. An orchestrator that
   * cannot tell, such as Airflow, takes it for failed.
   */
  lost: [],
  /** Its run was cancelled, or `serve` stopped and gave the run back; neither counts against the task's attempts. */
  cancelled: [],
} as const satisfies Record<string, readonly string[]>

export type AttemptState = keyof typeof attemptTransitions

/** When runs happen, and their record: the built-in scheduler, or Airflow. */
export interface Orchestrator {
  /** Makes the DAGs of a pipeline what the plan says; those of it that the plan no longer has are paused. */
  deploy(pipeline: string, dags: readonly DagPlan[]): Promise<readonly DagChange[]>
  /**
   * The same run id gives the same run, whatever its state.
   * @throws MillraceError `DAG_UNKNOWN`; `RUN_EXISTS` if another run has this logical date.
   */
  trigger(dag: string, request?: TriggerRequest): Promise<Run>
  /**
   * Schedules and runs tasks in this process until the signal aborts, then ends running attempts with the signal's
   * reason and gives them back, so that the next `serve` goes on with them. Where the orchestrator lives elsewhere
   * it only waits. Only one `serve` at a time acts (G9): a second one waits as a standby.
   */
  serve(tasks: TaskHandlers, signal: AbortSignal): Promise<void>
  readonly admin: OrchestratorAdmin
  close(): Promise<void>
}

/** By DAG id. */
export type TaskHandlers = { readonly [dag: string]: (task: Task) => Promise<TaskExit> }

/** What an attempt is told. */
export interface Task {
  readonly dag: string
  readonly task: string
  readonly runId: string
  /** From 1. */
  readonly attempt: number
  /**
   * Whether an attempt before this one began the run's work and did not succeed, so that its progress is to be continued.
   * False for a first attempt, and after `clear` of a run that had succeeded: then the work starts over.
   */
  readonly continues: boolean
  /** ISO 8601. */
  readonly logicalDate: string
  readonly interval: DataInterval
  readonly conf: Json
  /** Aborted on cancel, time-out or shutdown. */
  readonly signal: AbortSignal
  readonly logger: Logger
  /** Shown beside the run wherever runs are listed: what a reader must know of it, such as a simulated source. */
  note(text: string): void
}

/** What an attempt gives back. `retry` counts against the task's attempts; `never` fails the run at once. */
export type TaskExit =
  | { readonly kind: 'done'; readonly result: Json }
  | { readonly kind: 'retry' | 'never'; readonly error: ErrorReport; readonly result: Json }

/** ISO 8601, start included, end not. */
export interface DataInterval {
  readonly start: string
  readonly end: string
}

export interface TriggerRequest {
  /** Default `manual__<logical date>`. */
  readonly runId?: string
  /** ISO 8601; default now. */
  readonly logicalDate?: string
  readonly conf?: Json
}

export interface DagChange {
  readonly dag: string
  readonly change: 'created' | 'updated' | 'unchanged' | 'paused'
}

export interface Dag {
  readonly plan: DagPlan
  readonly paused: boolean
  /** ISO 8601: when the next scheduled run starts; null without a schedule and while paused. */
  readonly nextRunAt: string | null
}

export interface Run {
  readonly dag: string
  readonly runId: string
  readonly kind: 'scheduled' | 'manual' | 'backfill'
  readonly state: RunState
  readonly logicalDate: string
  readonly interval: DataInterval
  readonly conf: Json
  readonly note: string | null
  /** Attempts begun so far. */
  readonly attempts: number
  /** ISO 8601. */
  readonly queuedAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
}

export interface Attempt {
  readonly dag: string
  readonly runId: string
  readonly attempt: number
  readonly state: AttemptState
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly result: Json
  readonly error: ErrorReport | null
}

export interface LogLine {
  readonly at: string
  readonly level: LogLevel
  readonly text: string
  readonly facts: Json
}

export interface RunsRequest extends PageRequest {
  readonly dag?: string
  readonly state?: RunState
  /** ISO 8601: logical date at or after, and before. */
  readonly from?: string
  readonly to?: string
}

/** What the console and the command line need. Safe to call from any process. Runs and attempts are newest first, DAGs by name. */
export interface OrchestratorAdmin {
  dags(page?: PageRequest): Promise<Page<Dag>>
  runs(request?: RunsRequest): Promise<Page<Run>>
  /** @throws MillraceError `RUN_UNKNOWN`. */
  run(dag: string, runId: string): Promise<Run>
  /** With `limit`, so many of the newest: what an attempt gave back may have to be read from its log. */
  attempts(dag: string, runId: string, options?: { limit?: number }): Promise<readonly Attempt[]>
  /**
   * The attempt's log from its start; with `follow`, until the attempt has ended, and from before it has begun.
   * @throws MillraceError `RUN_UNKNOWN` if the run has no such attempt.
   */
  logs(
    dag: string,
    runId: string,
    attempt: number,
    options?: { follow?: boolean; signal?: AbortSignal },
  ): AsyncIterable<LogLine>
  pause(dag: string, paused: boolean): Promise<void>
  /** A queued run at once; a running one when its attempt has ended. @throws MillraceError `RUN_STATE`. */
  cancel(dag: string, runId: string): Promise<Run>
  /** Runs an ended run again, under the same logical date. @throws MillraceError `RUN_STATE`. */
  clear(dag: string, runId: string): Promise<Run>
  /**
   * One run for each complete interval of the schedule in [from, to) that has none yet; oldest first.
   * With `dryRun` only says which. At most 1,000 at a time (`mostBackfilled`).
   */
  backfill(dag: string, range: { from: string; to: string; dryRun?: boolean }): Promise<readonly DataInterval[]>
}
