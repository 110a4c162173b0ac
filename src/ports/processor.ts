import type { Plan } from '../plan/plan.ts'
import type { ErrorReport, MillraceError } from '../sdk/errors.ts'

/** Every state of a stream stage and what may follow it. */
export const stageTransitions = {
  stopped: ['starting'],
  starting: ['running', 'paused', 'failed', 'stopped'],
  running: ['paused', 'draining', 'failed', 'stopped'],
  /** Waiting for a table or log that cannot take or give records now; goes on by itself. */
  paused: ['running', 'draining', 'failed', 'stopped'],
  draining: ['stopped', 'failed'],
  failed: ['starting'],
} as const satisfies Record<string, readonly string[]>

export type StageState = keyof typeof stageTransitions

/** What runs stream stages: worker threads here, or Spark elsewhere. Stages are named `<pipeline>/<stage>`. */
export interface Processor {
  /** What of the plan this processor cannot run; each error names the node. Without side effects. */
  refuses(plan: Plan): readonly MillraceError[]
  /**
   * Resolves when the stage runs, or is paused; it then goes on without the caller. A running one is left as it is.
   * @throws MillraceError `STAGE_UNKNOWN`, or why the stage failed.
   */
  start(stage: string): Promise<void>
  /**
   * Finishes what is in flight, commits, and stops; after `deadlineMs` it stops anyway and leaves the rest to redelivery. A stage that
   * runs elsewhere may have begun another batch by then, which is left to redelivery too.
   */
  drain(stage: string, deadlineMs: number): Promise<void>
  /** Stops at once; what was in flight is redelivered at the next start. */
  stop(stage: string): Promise<void>
  /**
   * Has the stage run as it is declared from now on, also when no process of ours does; one that runs as it was declared before is
   * restarted, after its batch in hand. Null, and nothing done, where stages end with the process that runs them.
   */
  deploy(stage: string): Promise<Deployment | null>
  /** What `deploy` would do. */
  deployment(stage: string): Promise<Deployment | null>
  /** What a process does at its end with a stage that it started: one that is deployed goes on, any other is drained. */
  leave(stage: string, deadlineMs: number): Promise<void>
  status(stage: string): Promise<StageStatus>
  /** Called for every change of state and every batch until the returned function is called. */
  watch(listener: (event: StageEvent) => void): () => void
  /** Stops every stage it started in this process, but for those that are deployed. */
  close(): Promise<void>
}

/** What becomes of a stage that is deployed. */
export type Deployment = 'start' | 'restart' | 'keep'

export interface StageStatus {
  readonly stage: string
  readonly state: StageState
  /** Why it is paused or failed. */
  readonly error: ErrorReport | null
  /** The newest batch, if there was one. */
  readonly progress: StageProgress | null
}

export type StageEvent =
  | { readonly kind: 'state'; readonly status: StageStatus }
  | { readonly kind: 'progress'; readonly progress: StageProgress }

/** One batch, or one page of an ingest stage, as it went through; the same shape everywhere. */
export interface StageProgress {
  readonly stage: string
  /** Milliseconds since 1970 UTC. */
  readonly at: number
  readonly recordsIn: number
  /** Rows written, or records appended. */
  readonly recordsOut: number
  readonly deadLetters: number
  /** Records a `where` left out. */
  readonly filtered: number
  /** 0 where the processor cannot tell. */
  readonly bytesIn: number
  /** Milliseconds by step; a step that the stage does not have is 0. */
  readonly ms: StepTimes
  /** Of the partitions in this batch; empty for ingest. */
  readonly partitions: readonly PartitionProgress[]
}

export interface StepTimes {
  /** Waited for; what was read while something else was done is no time of its own. */
  readonly read: number
  readonly decode: number
  readonly transform: number
  readonly sink: number
  readonly commit: number
}

export interface PartitionProgress {
  readonly partition: number
  /** Everything before it is durable in the sink. */
  readonly committed: number
  /** The log's end when the batch was read. */
  readonly end: number
}

/** What the process or thread that runs a stage tells its processor. */
export type StageReport =
  | { readonly kind: 'state'; readonly state: StageState; readonly error: ErrorReport | null }
  | { readonly kind: 'progress'; readonly progress: StageProgress }

/** What a processor tells the process or thread that runs a stage. */
export type StageCommand = { readonly kind: 'drain' } | { readonly kind: 'stop' }
