import { MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'

// What every orchestrator takes and refuses alike.

const latest = Date.UTC(9999, 11, 31)

/** Milliseconds of an ISO 8601 text between 1970 and 9999. @throws MillraceError `CONFIG_INVALID`. */
export function parseDate(text: string, name: string): number {
  const time = Date.parse(text)
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && time >= 0 && time <= latest) return time
  throw new MillraceError('CONFIG_INVALID', `${name} "${text}" is not a date between 1970 and 9999.`, {
    place: name,
    fix: 'Write it in ISO 8601, such as 2026-01-31T00:00:00Z.',
  })
}

const longestConf = 64 * 1024

/** @throws MillraceError `CONFIG_INVALID`. */
export function checkConf(conf: Json): void {
  if (Buffer.byteLength(JSON.stringify(conf)) <= longestConf) return
  throw new MillraceError('CONFIG_INVALID', 'The conf of a run is larger than 64 KiB.', { place: 'conf' })
}

/** Takes the characters that Airflow allows. @throws MillraceError `NAME_INVALID`. */
export function checkRunId(id: string): void {
  if (/^[A-Za-z0-9_.~:+-]{1,250}$/.test(id)) return
  throw new MillraceError('NAME_INVALID', `"${id}" cannot be a run id.`, {
    place: 'runId',
    fix: 'Use up to 250 letters, digits and _ . ~ : + -',
  })
}

/** For a run that does not exist yet. @throws MillraceError `NAME_INVALID`. */
export function refuseReserved(runId: string): void {
  if (!/^(scheduled|backfill)__/.test(runId)) return
  throw new MillraceError('NAME_INVALID', `The run id "${runId}" has a prefix that only the scheduler gives.`, {
    place: 'runId',
    fix: 'Choose another run id, such as one that starts with "manual__".',
  })
}

export function runExists(dag: string, runId: string, logicalDate: string): MillraceError {
  return new MillraceError('RUN_EXISTS', `DAG "${dag}" already has run "${runId}" for ${logicalDate}.`, {
    place: `${dag}/${runId}`,
    fix: 'Clear that run to run it again, or choose another logical date.',
  })
}

export function dagUnknown(dag: string): MillraceError {
  const fix = 'List the DAGs there are with "millrace plan"; "millrace apply" deploys them.'
  return new MillraceError('DAG_UNKNOWN', `There is no DAG "${dag}".`, { place: dag, fix })
}

export function runUnknown(dag: string, runId: string): MillraceError {
  const fix = `List the runs of "${dag}" with "millrace runs".`
  return new MillraceError('RUN_UNKNOWN', `DAG "${dag}" has no run "${runId}".`, { place: `${dag}/${runId}`, fix })
}

/** Of a run that has no such attempt. */
export function attemptUnknown(dag: string, runId: string, attempt: number): MillraceError {
  const message = `Run "${runId}" has no attempt ${attempt}.`
  return new MillraceError('RUN_UNKNOWN', message, { place: `${dag}/${runId}#${attempt}` })
}

export function wrongState(
  run: { dag: string; runId: string; state: string },
  wanted: 'cancelled' | 'cleared',
): MillraceError {
  return new MillraceError('RUN_STATE', `Run "${run.runId}" is ${run.state} and cannot be ${wanted}.`, {
    place: `${run.dag}/${run.runId}`,
    fix: wanted === 'cleared' ? 'Cancel it, or wait until it has ended.' : 'Nothing: it has ended.',
  })
}

export function noSchedule(dag: string): MillraceError {
  const fix = 'Trigger a run with a logical date instead.'
  return new MillraceError('CONFIG_INVALID', `DAG "${dag}" has no schedule to backfill.`, { place: dag, fix })
}

export function ownedByOther(dag: string, owner: string): MillraceError {
  const fix = 'Give one of the two another name.'
  return new MillraceError('NAME_DUPLICATE', `The DAG "${dag}" belongs to ${owner}.`, { place: dag, fix })
}

/** Intervals that one backfill makes runs for; the next one takes those after them. */
export const mostBackfilled = 1_000

/** Of a backfill. */
export function rangeTooWide(most: number): MillraceError {
  return new MillraceError('CONFIG_INVALID', `The range holds more than ${most} intervals.`, {
    fix: 'Backfill it in several smaller ranges.',
  })
}
