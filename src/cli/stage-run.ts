import type { DataInterval, TaskExit } from '../ports/orchestrator.ts'
import type { LoadedPipeline } from '../project.ts'
import { asMillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'
import type { CliContext } from './context.ts'
import type { Session } from './session.ts'

/** What `run` was given besides the stage. */
export interface RunOptions {
  readonly runId?: string
  /** ISO 8601 in UTC. */
  readonly logicalDate?: string
  readonly attempt: number
  /** The run was cleared after the attempt before this one. */
  readonly cleared: boolean
  readonly interval?: DataInterval
  /** End as by SIGTERM when the process that started this one has gone. */
  readonly withParent: boolean
  /** Milliseconds. */
  readonly duration?: number
  /** Milliseconds. */
  readonly drainTimeout: number
  readonly untilCaughtUp: boolean
}

/** What a stage is run with. */
export interface StageRun<Stage> {
  readonly session: Session
  readonly context: CliContext
  readonly pipeline: LoadedPipeline
  readonly stage: Stage
  readonly options: RunOptions
}

/** How an attempt ended that threw. */
export function failedExit(thrown: unknown, result: Json): TaskExit {
  const error = asMillraceError(thrown)
  return { kind: error.retry === 'never' ? 'never' : 'retry', error: error.toJSON(), result }
}
