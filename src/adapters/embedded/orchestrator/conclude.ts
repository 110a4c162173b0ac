import type { ErrorReport } from '../../../sdk/errors.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import type { Json } from '../../../sdk/json.ts'
import { type AttemptEnd, type AttemptHistory, verdict } from './outcome.ts'
import { type AttemptRow, planOf, type RunRow } from './rows.ts'
import type { Store } from './store.ts'

export interface Conclusion {
  readonly end: AttemptEnd
  /** As JSON text. */
  readonly result: string
  readonly error: ErrorReport | null
}

/** Ends an attempt and moves its run on accordingly; within a transaction. */
export function conclude(
  store: Store,
  attempt: AttemptRow,
  conclusion: Conclusion,
  now: number,
  random: number,
): RunRow {
  const run = store.runById(attempt.run)
  const { task } = planOf(store.dag(run.dag))
  const next = verdict(conclusion.end, historyOf(store, run), task, random)
  store.endAttempt(attempt, next.attempt, now, conclusion.result, conclusion.error)
  switch (next.run) {
    case 'success':
    case 'failed':
    case 'cancelled':
      store.endRun(run, next.run, now)
      break
    case 'queued':
      store.moveRun(run, 'queued')
      break
    case 'running':
      store.change('UPDATE runs SET due_at = ? WHERE id = ?', now + next.delayMs, run.id)
  }
  return store.runById(run.id)
}

function historyOf(store: Store, run: RunRow): AttemptHistory {
  const ended = store.all<Pick<AttemptRow, 'state'>>(
    `SELECT state FROM attempts WHERE run = ? AND attempt > ? AND state <> 'running' ORDER BY attempt DESC LIMIT 1000`,
    ...[run.id, run.attempts_before_clear],
  )
  const failures = ended.filter(({ state }) => state === 'up_for_retry' || state === 'timed_out').length
  const kept = ended.findIndex(({ state }) => state !== 'lost')
  return { failures, losses: kept === -1 ? ended.length : kept, cancelRequested: run.cancel_requested === 1 }
}

/** Ends every attempt that its process left running; nobody else may be serving. Within a transaction. */
export function concludeLost(store: Store, now: number): void {
  for (const attempt of store.runningAttempts()) concludeAsLost(store, attempt, now)
}

export function concludeAsLost(store: Store, attempt: AttemptRow, now: number): RunRow {
  const error = new MillraceError('TASK_LOST', 'The process that ran this attempt vanished.', {
    fix: 'Nothing: the run goes on with a new attempt. If it keeps happening, look for what ends the process.',
  })
  return conclude(store, attempt, { end: { kind: 'lost' }, result: 'null', error: error.toJSON() }, now, 0.5)
}

const longestResult = 64 * 1024

/** A result as it is kept; one that cannot be kept is left out, and `reason` says why. */
export function resultText(result: Json): { readonly text: string; readonly reason: string | null } {
  try {
    const text = JSON.stringify(result)
    if (Buffer.byteLength(text) <= longestResult) return { text, reason: null }
    return { text: 'null', reason: 'The result was left out: it is larger than 64 KiB.' }
  } catch (error) {
    return { text: 'null', reason: `The result was left out: ${(error as Error).message}.` }
  }
}
