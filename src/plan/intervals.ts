import { Cron } from 'croner'
import { MillraceError } from '../sdk/errors.ts'

/** Milliseconds since 1970 UTC, start included, end not. */
export interface Interval {
  readonly start: number
  readonly end: number
}

/** Times at which a cron expression fires, in UTC; two neighbours bound an interval, so intervals tile time. */
export interface Schedule {
  /** The first firing strictly after `time`; null if there is none. */
  after(time: number): number | null
  /** The last firing strictly before `time`; null if there is none. */
  before(time: number): number | null
}

/** @throws MillraceError `SCHEDULE_INVALID` unless `cron` has five valid fields and fires at all. */
export function openSchedule(cron: string): Schedule {
  const pattern = parse(cron)
  const schedule: Schedule = {
    after: time => pattern.nextRun(new Date(time))?.getTime() ?? null,
    before: time => pattern.previousRuns(1, new Date(time))[0]?.getTime() ?? null,
  }
  if (schedule.after(0) === null) throw invalid(cron, 'it names a day that no month has')
  return schedule
}

function parse(cron: string): Cron {
  // Croner would take a text with colons for a single point in time.
  if (cron.trim().split(/\s+/).length !== 5) throw invalid(cron, 'it does not have five fields')
  try {
    return new Cron(cron, { utcOffset: 0, mode: '5-part', paused: true })
  } catch (error) {
    throw invalid(cron, (error as Error).message, error)
  }
}

function invalid(cron: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('SCHEDULE_INVALID', `"${cron}" is not a schedule: ${reason}.`, {
    fix: 'Write five cron fields in UTC, such as "0 0 * * *".',
    cause,
  })
}

/** The newest interval that has ended by `now`; null if none has. */
export function newestComplete(schedule: Schedule, now: number): Interval | null {
  const end = schedule.before(now + 1)
  const start = end === null ? null : schedule.before(end)
  return start === null || end === null ? null : { start, end }
}

/** The interval that starts at the first firing at or after `time`; null if none does. */
export function intervalFrom(schedule: Schedule, time: number): Interval | null {
  const start = schedule.after(time - 1)
  const end = start === null ? null : schedule.after(start)
  return start === null || end === null ? null : { start, end }
}

/** What decides which interval of a DAG is next. */
export interface Progress {
  readonly catchup: boolean
  /** No interval that starts before it is run. */
  readonly startDate: number | null
  /** When the DAG was first deployed. */
  readonly deployedAt: number
  /** The newest interval that was scheduled; null before the first. */
  readonly last: Interval | null
}

/**
 * The interval to schedule next; it is due as soon as it has ended, which may be in the past. As Airflow decides it:
 * with catchup the one after the last, otherwise not one older than the newest complete.
 */
export function nextInterval(schedule: Schedule, progress: Progress, now: number): Interval | null {
  const starts = [firstStart(schedule, progress)]
  if (!progress.catchup) starts.push(newestComplete(schedule, now)?.start ?? null)
  // A changed schedule may have no firing at the last end: the interval around it is next.
  if (progress.last) starts.push(schedule.before(progress.last.end + 1) ?? progress.last.end)
  const aligned = Math.max(...starts.filter(time => time !== null))
  if (!Number.isFinite(aligned)) return null
  // The interval around the last end may have begun before the last interval did, or with it.
  const start = progress.last && aligned <= progress.last.start ? schedule.after(aligned) : aligned
  return start === null ? null : intervalFrom(schedule, start)
}

function firstStart(schedule: Schedule, { startDate, deployedAt }: Progress): number | null {
  return startDate ?? newestComplete(schedule, deployedAt)?.start ?? deployedAt
}

/** Intervals that lie within [from, to), oldest first. */
export function* intervalsWithin(schedule: Schedule, from: number, to: number): Generator<Interval> {
  let interval = intervalFrom(schedule, from)
  while (interval !== null && interval.end <= to) {
    yield interval
    interval = intervalFrom(schedule, interval.end)
  }
}
