import type { Clock } from '../../../ports/clock.ts'
import type { Task, TaskExit } from '../../../ports/orchestrator.ts'
import { asMillraceError, MillraceError } from '../../../sdk/errors.ts'

export interface AttemptOptions {
  readonly clock: Clock
  readonly timeoutMs: number
  /** How long a handler may take to return once its signal has aborted, in milliseconds. */
  readonly graceMs: number
  /** Ends the attempt from outside; its reason becomes that of the task's signal. */
  readonly stop: AbortSignal
}

/** Why an attempt ended, and what its handler gave back, if it did in time. */
export interface Ending {
  readonly cause: 'returned' | 'timed_out' | 'stopped'
  readonly exit: TaskExit | null
}

/** Longer ones overflow Node's timers, which then fire at once. */
const longestSleepMs = 86_400_000

/** Runs one attempt; never rejects, and never waits for a handler that ignores its signal. */
export async function runAttempt(
  handler: (task: Task) => Promise<TaskExit>,
  task: Omit<Task, 'signal'>,
  { clock, timeoutMs, graceMs, stop }: AttemptOptions,
): Promise<Ending> {
  const returned = new AbortController()
  const ending = new AbortController()
  const work = invoke(handler, { ...task, signal: ending.signal }).finally(() => returned.abort())

  const limit = await waited(clock, timeoutMs, AbortSignal.any([stop, returned.signal]))
  if (returned.signal.aborted) return { cause: 'returned', exit: await work }

  ending.abort(limit ? timedOut(task, timeoutMs) : stop.reason)
  const late = waited(clock, graceMs, returned.signal).then(() => null)
  const exit = await Promise.race([work, late])
  return { cause: limit ? 'timed_out' : 'stopped', exit }
}

/** What a handler throws is worth another attempt, unless the error itself says never. */
async function invoke(handler: (task: Task) => Promise<TaskExit>, task: Task): Promise<TaskExit> {
  try {
    return await handler(task)
  } catch (thrown) {
    const error =
      thrown instanceof MillraceError
        ? thrown
        : new MillraceError('STAGE_FAILED', asMillraceError(thrown).message, { retry: 'later', cause: thrown })
    return { kind: error.retry === 'never' ? 'never' : 'retry', error: error.toJSON(), result: null }
  }
}

/** True after `ms`, false if the signal aborted before. */
async function waited(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    for (let left = ms; left > 0; left -= longestSleepMs) await clock.sleep(Math.min(left, longestSleepMs), signal)
    return true
  } catch {
    return false
  }
}

export function timedOut(task: Pick<Task, 'dag' | 'runId' | 'attempt'>, timeoutMs: number): MillraceError {
  const place = `${task.dag}/${task.runId}#${task.attempt}`
  return new MillraceError('TASK_TIMED_OUT', `The attempt took longer than ${timeoutMs / 1000} s.`, {
    place,
    fix: "Raise the stage's time-out, or make its runs shorter.",
  })
}
