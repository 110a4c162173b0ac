import fc from 'fast-check'
import { type Interval, intervalFrom, newestComplete, openSchedule } from '../../../src/plan/intervals.ts'
import { parseSchedule } from '../../../src/plan/schedule.ts'

/** One question to both schedulers. Times are milliseconds since 1970 UTC. */
export interface TimetableCase {
  /** Where the process and whoever wrote the dates live; schedules are in UTC wherever that is. */
  readonly zone: string
  readonly cron: string
  readonly now: number
  /** The DAG's start date. */
  readonly earliest: number | null
  readonly catchup: boolean
  readonly last: Interval | null
  readonly backfill: { readonly from: number; readonly to: number }
}

/** Zones that change their clocks north and south of the equator, by half an hour, at midnight, and not at all. */
const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Asia/Kolkata']

/** In each of the zones somewhere within these the clock is changed. */
const clockChanges = [
  '2025-10-26T01:00Z',
  '2026-03-29T01:00Z',
  '2026-03-08T07:00Z',
  '2026-04-05T03:00Z',
  '2026-09-06T04:00Z',
]

const minute = 60_000
const day = 86_400_000

function field(from: number, to: number): fc.Arbitrary<string> {
  const value = fc.integer({ min: from, max: to })
  const range = fc.tuple(value, value).map(([one, other]) => [Math.min(one, other), Math.max(one, other)] as const)
  const part = fc.oneof(
    { weight: 4, arbitrary: value.map(String) },
    { weight: 2, arbitrary: range.map(([low, high]) => `${low}-${high}`) },
    {
      weight: 1,
      arbitrary: fc.tuple(range, fc.integer({ min: 1, max: 9 })).map(([[low, high], step]) => `${low}-${high}/${step}`),
    },
  )
  const step = fc.integer({ min: 1, max: Math.max(2, Math.floor(to / 2)) }).map(every => `*/${every}`)
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant('*') },
    { weight: 3, arbitrary: value.map(String) },
    { weight: 2, arbitrary: step },
    { weight: 2, arbitrary: fc.array(part, { minLength: 1, maxLength: 3 }).map(parts => parts.join(',')) },
  )
}

const months = ['JAN', 'feb', 'Mar', 'DEC', 'JAN-MAR', 'APR,OCT']
const weekdays = ['MON', 'sun', 'MON-FRI', 'SAT,SUN', '7', '0']

/** What `schedule` of an ingest stage takes. */
export const crons = fc
  .oneof(
    { weight: 1, arbitrary: fc.constantFrom('@hourly', '@daily', '@weekly', '@monthly', '@yearly') },
    {
      weight: 6,
      arbitrary: fc
        .tuple(
          field(0, 59),
          field(0, 23),
          fc.oneof({ weight: 2, arbitrary: fc.constant('*') }, field(1, 31)),
          fc.oneof({ weight: 2, arbitrary: fc.constant('*') }, field(1, 12), fc.constantFrom(...months)),
          fc.oneof({ weight: 2, arbitrary: fc.constant('*') }, field(0, 6), fc.constantFrom(...weekdays)),
        )
        .map(fields => fields.join(' ')),
    },
  )
  .filter(valid)

function valid(text: string): boolean {
  try {
    parseSchedule(text)
    return true
  } catch {
    return false
  }
}

const anyTime = fc.oneof(
  fc.integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2037, 0, 1) }),
  fc
    .tuple(fc.constantFrom(...clockChanges), fc.integer({ min: -2 * day, max: 2 * day }))
    .map(([change, offset]) => Date.parse(change) + offset),
)

/** Most on the minute or the hour, where schedules fire. */
const time = fc
  .tuple(anyTime, fc.constantFrom(1, 1_000, minute, 60 * minute, day))
  .map(([at, grain]) => Math.floor(at / grain) * grain)

export const timetableCases: fc.Arbitrary<TimetableCase> = fc
  .record({
    zone: fc.constantFrom(...zones),
    cron: crons.map(parseSchedule),
    previousCron: fc.option(crons.map(parseSchedule), { freq: 4 }),
    now: time,
    earliest: fc.option(fc.oneof(time, fc.integer({ min: -40, max: 40 }))),
    catchup: fc.boolean(),
    last: fc.option(fc.oneof(time, fc.integer({ min: -40, max: 3 }))),
    backfill: fc.tuple(time, fc.integer({ min: 0, max: 3 })),
  })
  .map(({ cron, previousCron, now, earliest, catchup, last, backfill: [from, firings], zone }) => ({
    zone,
    cron,
    now,
    // With catchup a DAG in Airflow always has a start date: the adapter writes the one that ours begins at.
    catchup: catchup && earliest !== null,
    earliest: earliest === null ? null : near(earliest, now),
    last: last === null ? null : newestComplete(openSchedule(previousCron ?? cron), near(last, now)),
    backfill: { from, to: firingsAfter(cron, from, firings) },
  }))

/** A small number is so many days from `now`; every other is a time itself. */
function near(time: number, now: number): number {
  return Math.abs(time) <= 40 ? now + time * day : time
}

function firingsAfter(cron: string, from: number, count: number): number {
  const schedule = openSchedule(cron)
  let to = from
  for (let index = 0; index < count; index += 1) to = intervalFrom(schedule, to + 1)?.start ?? to
  return to
}
