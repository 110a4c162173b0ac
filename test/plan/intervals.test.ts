import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Interval,
  intervalFrom,
  intervalsWithin,
  newestComplete,
  nextInterval,
  openSchedule,
  type Progress,
} from '../../src/plan/intervals.ts'

const at = (text: string) => Date.parse(`${text}Z`)
const show = (interval: Interval | null) =>
  interval && `${new Date(interval.start).toISOString()}/${new Date(interval.end).toISOString()}`

const daily = openSchedule('0 0 * * *')
const crons = ['0 0 * * *', '*/5 * * * *', '30 4 1,15 * *', '0 0 29 2 *', '17 */7 * * 1-5', '0 12 * 1 0']
const schedules = fc.constantFrom(...crons).map(openSchedule)
const times = fc.integer({ min: at('1999-01-01T00:00:00'), max: at('2090-01-01T00:00:00') })

describe('a schedule', () => {
  it('has intervals that tile time: each starts where the one before ends', () => {
    fc.assert(
      fc.property(schedules, times, (schedule, time) => {
        const first = intervalFrom(schedule, time)!
        const second = intervalFrom(schedule, first.end)!
        expect(first.start).toBeGreaterThanOrEqual(time)
        expect(first.end).toBeGreaterThan(first.start)
        expect(second.start).toBe(first.end)
        expect(schedule.before(first.end)).toBe(first.start)
      }),
    )
  })

  it('has as its newest complete interval the last one that has ended', () => {
    fc.assert(
      fc.property(schedules, times, (schedule, now) => {
        const newest = newestComplete(schedule, now)!
        expect(newest.end).toBeLessThanOrEqual(now)
        expect(intervalFrom(schedule, newest.start)).toEqual(newest)
        expect(intervalFrom(schedule, newest.end)!.end).toBeGreaterThan(now)
      }),
    )
  })

  it('knows no daylight saving: a day in UTC has 24 hours', () => {
    for (const { start, end } of intervalsWithin(daily, at('2026-01-01T00:00:00'), at('2027-01-01T00:00:00'))) {
      expect(end - start).toBe(86_400_000)
    }
  })

  it('takes an interval that has ended this very millisecond for complete', () => {
    const midnight = at('2026-03-02T00:00:00')
    expect(show(newestComplete(daily, midnight))).toBe('2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z')
    expect(show(newestComplete(daily, midnight - 1))).toBe('2026-02-28T00:00:00.000Z/2026-03-01T00:00:00.000Z')
  })

  it.each(['0 0 * *', '0 0 * * * *', '61 * * * *', '0 0 30 2 *', '2026-01-01T00:00:00', '@daily', ''])(
    'refuses %j',
    cron => expect(() => openSchedule(cron)).toThrow(expect.objectContaining({ code: 'SCHEDULE_INVALID' })),
  )
})

describe('the next interval of a DAG', () => {
  const fresh: Progress = { catchup: false, startDate: null, deployedAt: at('2026-03-10T15:00:00'), last: null }
  const last = { start: at('2026-03-05T00:00:00'), end: at('2026-03-06T00:00:00') }
  const now = at('2026-03-10T15:00:00')

  it.each<[string, Partial<Progress>, string]>([
    ['is the newest complete one at the first deploy', {}, '2026-03-09'],
    ['is that one with catchup too', { catchup: true }, '2026-03-09'],
    ['without catchup is the newest complete one after downtime', { last, deployedAt: last.start }, '2026-03-09'],
    ['with catchup is the one after the last', { last, catchup: true, deployedAt: last.start }, '2026-03-06'],
    ['with catchup starts at the start date', { catchup: true, startDate: at('2026-01-01T00:00:00') }, '2026-01-01'],
    ['starts at the first firing after the start date', { startDate: at('2026-03-15T10:00:00') }, '2026-03-16'],
    ['is not repeated', { last: { start: at('2026-03-09T00:00:00'), end: at('2026-03-10T00:00:00') } }, '2026-03-10'],
    [
      'never precedes the last, even if the clock does',
      { last: { start: at('2026-04-01T00:00:00'), end: at('2026-04-02T00:00:00') } },
      '2026-04-02',
    ],
  ])('%s', (_, progress, start) => {
    expect(show(nextInterval(daily, { ...fresh, ...progress }, now))?.slice(0, 10)).toBe(start)
  })

  it('is after the last one where a coarser schedule would have begun before it', () => {
    const last = { start: at('2026-03-05T10:00:00'), end: at('2026-03-05T11:00:00') }
    const progress = { ...fresh, last, catchup: true, deployedAt: last.start }
    expect(show(nextInterval(daily, progress, now))?.slice(0, 10)).toBe('2026-03-06')
  })

  it('only ever moves on, and with catchup leaves none out', () => {
    const walk = fc.array(fc.integer({ min: -20 * 86_400_000, max: 90 * 86_400_000 }), { minLength: 1, maxLength: 15 })
    fc.assert(
      fc.property(schedules, fc.boolean(), walk, (schedule, catchup, steps) => {
        let clock = fresh.deployedAt
        let progress: Progress = { ...fresh, catchup }
        for (const step of steps) {
          clock += step
          const next = nextInterval(schedule, progress, clock)!
          if (progress.last) expect(next.start).toBeGreaterThanOrEqual(progress.last.end)
          if (progress.last && catchup) expect(next.start).toBe(progress.last.end)
          if (next.end <= clock) progress = { ...progress, last: next }
        }
      }),
    )
  })
})
