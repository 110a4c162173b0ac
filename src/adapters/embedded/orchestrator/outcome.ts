import type { TaskPlan } from '../../../plan/plan.ts'
import type { AttemptState, RunState, TaskExit } from '../../../ports/orchestrator.ts'

/** How an attempt ended. */
export type AttemptEnd =
  | { readonly kind: TaskExit['kind'] }
  | { readonly kind: 'timed_out' }
  /** Its run was cancelled. */
  | { readonly kind: 'cancelled' }
  /** The process that ran it stopped in order. */
  | { readonly kind: 'given_back' }
  /** The process that ran it vanished. */
  | { readonly kind: 'lost' }

/** What went before, since the run was triggered or cleared. */
export interface AttemptHistory {
  /** Attempts that failed or timed out. */
  readonly failures: number
  /** Attempts lost since the last that was not. */
  readonly losses: number
  readonly cancelRequested: boolean
}

export interface Verdict {
  readonly attempt: AttemptState
  /** `running`: a further attempt follows after `delayMs`. */
  readonly run: RunState
  readonly delayMs: number
}

export const longestRetryDelayMs = 3_600_000
const jitter = 0.1
/** A task that takes its process down every time must not do so for ever. */
const mostLossesInARow = 100

/** What the end of an attempt means for it and for its run; `random` is in [0, 1). */
export function verdict(
  end: AttemptEnd,
  history: AttemptHistory,
  task: Pick<TaskPlan, 'attempts' | 'retryDelayMs'>,
  random: number,
): Verdict {
  const { failures, losses, cancelRequested } = history
  const retry = failures + 1 < task.attempts && !cancelRequested
  const ended = cancelRequested ? 'cancelled' : 'failed'
  const delayMs = retryDelayMs(task.retryDelayMs, failures, random)
  switch (end.kind) {
    case 'done':
      return { attempt: 'success', run: 'success', delayMs: 0 }
    case 'never':
      return { attempt: 'failed', run: ended, delayMs: 0 }
    case 'retry':
      return retry
        ? { attempt: 'up_for_retry', run: 'running', delayMs }
        : { attempt: 'failed', run: ended, delayMs: 0 }
    case 'timed_out':
      return { attempt: 'timed_out', run: retry ? 'running' : ended, delayMs: retry ? delayMs : 0 }
    case 'cancelled':
      return { attempt: 'cancelled', run: 'cancelled', delayMs: 0 }
    case 'given_back':
      return { attempt: 'cancelled', run: cancelRequested ? 'cancelled' : 'queued', delayMs: 0 }
    case 'lost':
      return {
        attempt: 'lost',
        run: cancelRequested || losses + 1 >= mostLossesInARow ? ended : 'running',
        delayMs: 0,
      }
  }
}

/** Doubled for each failure before this one, at most an hour, spread by a tenth either way. */
export function retryDelayMs(first: number, failures: number, random: number): number {
  const delay = Math.min(first * 2 ** failures, longestRetryDelayMs)
  return Math.round(delay * (1 - jitter + 2 * jitter * random))
}
