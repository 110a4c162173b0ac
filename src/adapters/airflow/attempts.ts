import type { Attempt, AttemptState, Run } from '../../ports/orchestrator.ts'
import type { ErrorReport } from '../../sdk/errors.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Json } from '../../sdk/json.ts'
import { readAnswers } from './answers.ts'
import { orNull, type TaskTry, taskPath } from './api.ts'
import { readLog } from './attempt-log.ts'
import type { Client } from './client.ts'
import { iso } from './runs.ts'

/** Those that have begun, newest first; reads the logs of no others than the `limit` newest. */
export async function listAttempts(
  client: Client,
  run: Run,
  task: string,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly Attempt[]> {
  const tries = await listTries(client, run, task)
  const begun = tries.filter(({ try_number }) => try_number <= run.attempts).reverse()
  const attempts: Attempt[] = []
  // One log at a time is in memory.
  for (const [index, each] of begun.slice(0, limit).entries()) {
    attempts.push(await toAttempt(client, run, task, each, begun[index - 1]))
  }
  return attempts
}

/** Oldest first. */
export async function listTries(
  client: Client,
  { dag, runId }: Pick<Run, 'dag' | 'runId'>,
  task: string,
): Promise<readonly TaskTry[]> {
  const json = await orNull(client.call({ method: 'GET', path: `${taskPath(dag, runId, task)}/tries` }))
  if (json === null) return []
  const tries = new Map(
    readAnswers('TaskInstanceHistoryResponse', json, 'task_instances').map(each => [each.try_number, each]),
  )
  return [...tries.values()].sort((one, other) => one.try_number - other.try_number)
}

async function toAttempt(
  client: Client,
  run: Run,
  task: string,
  each: TaskTry,
  next: TaskTry | undefined,
): Promise<Attempt> {
  const { dag, runId } = run
  const said = isOver(each) && each.start_date !== null ? await exitOf(client, run, task, each.try_number) : nothing
  return {
    ...{ dag, runId, attempt: each.try_number },
    state: attemptState(each, next, run, said.timedOut),
    startedAt: each.start_date === null ? null : iso(each.start_date),
    endedAt: each.end_date === null ? null : iso(each.end_date),
    result: said.result,
    error: each.state === 'success' ? null : said.error,
  }
}

export function isOver({ state }: TaskTry): boolean {
  return !['scheduled', 'queued', 'running', 'restarting', 'deferred', null].includes(state)
}

/**
 * Airflow records a failed try as such whether another followed or not. A further try belongs to the same round if it has the same
 * limit of tries; clearing a run raises the limit.
 */
export function attemptState(
  { state, max_tries, try_number }: TaskTry,
  next: TaskTry | undefined,
  run: Pick<Run, 'state' | 'attempts'>,
  timedOut: boolean,
): AttemptState {
  switch (state) {
    case 'success':
      return 'success'
    case 'failed':
    case 'up_for_retry':
      if (timedOut) return 'timed_out'
      if (state === 'up_for_retry' || next?.max_tries === max_tries) return 'up_for_retry'
      return run.state === 'cancelled' && try_number === run.attempts ? 'cancelled' : 'failed'
    case 'scheduled':
    case 'queued':
    case null:
      return 'queued'
    case 'running':
    case 'restarting':
    case 'deferred':
      return 'running'
    default:
      return 'cancelled'
  }
}

interface Said {
  readonly result: Json
  readonly error: ErrorReport | null
  readonly timedOut: boolean
}

const nothing: Said = { result: null, error: null, timedOut: false }

/**
 * What the task program said last. Airflow keeps a result only of the newest try, and only if it succeeded; the log of each has it.
 */
async function exitOf(client: Client, { dag, runId }: Run, task: string, attempt: number): Promise<Said> {
  let said = nothing
  let isTimedOut = false
  for (const { text, facts } of await readLog(client, { dag, runId, task, attempt })) {
    said = readExit(text) ?? said
    isTimedOut ||= JSON.stringify(facts).includes('"AirflowTaskTimeout"')
  }
  return isTimedOut ? { ...said, error: timedOut(dag, runId, attempt), timedOut: true } : said
}

function readExit(text: string): Said | null {
  if (!text.startsWith('{"stage":')) return null
  try {
    const { result = null, error = null } = JSON.parse(text) as { result?: Json; error?: ErrorReport | null }
    return { result, error, timedOut: false }
  } catch {
    return null
  }
}

function timedOut(dag: string, runId: string, attempt: number): ErrorReport {
  return new MillraceError('TASK_TIMED_OUT', 'The attempt took longer than allowed.', {
    place: `${dag}/${runId}#${attempt}`,
    fix: "Raise the stage's time-out, or make its runs shorter.",
  }).toJSON()
}
