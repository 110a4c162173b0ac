import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { type Interval, intervalFrom, nextInterval, openSchedule } from '../../../src/plan/intervals.ts'
import { type TimetableCase, timetableCases } from './cases.ts'
import { airflowPython } from './python.ts'

interface Answer {
  readonly next: Interval | null
  readonly within: readonly Interval[]
}

const zone = process.env.TZ

afterEach(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

/** What Airflow's own timetable says, out of the installed Airflow. */
async function askAirflow(cases: readonly TimetableCase[]): Promise<readonly (Answer | { error: string })[]> {
  const oracle = spawn(await airflowPython(), [join(import.meta.dirname, 'timetable_oracle.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  oracle.stdin.end(cases.map(each => `${JSON.stringify(each)}\n`).join(''))
  const lines = (await text(oracle.stdout)).trimEnd().split('\n')
  return lines.map(line => JSON.parse(line) as Answer | { error: string })
}

/** What ours says, in a process that lives in the case's zone. */
function askOurs({ zone, cron, now, earliest, catchup, last, backfill }: TimetableCase): Answer {
  process.env.TZ = zone
  const schedule = openSchedule(cron)
  const progress = { catchup, startDate: earliest, deployedAt: now, last }
  return { next: nextInterval(schedule, progress, now), within: startingWithin(cron, backfill) }
}

/** As Airflow's backfill takes its range: every interval that starts in it, both ends included. */
function startingWithin(cron: string, { from, to }: TimetableCase['backfill']): readonly Interval[] {
  const schedule = openSchedule(cron)
  const found: Interval[] = []
  for (let next = intervalFrom(schedule, from); next !== null && next.start <= to; ) {
    found.push(next)
    next = intervalFrom(schedule, next.end)
  }
  return found
}

describe('the built-in scheduler', () => {
  it('schedules the intervals that Airflow does, over 12,000 cases', { timeout: 540_000 }, async () => {
    const cases = fc.sample(timetableCases, { numRuns: 12_000, seed: 20260301 })
    const theirs = await askAirflow(cases)
    expect(theirs.length).toBe(cases.length)
    const differences = cases.flatMap((each, index) => {
      const ours = askOurs(each)
      return JSON.stringify(ours) === JSON.stringify(theirs[index])
        ? []
        : [{ case: each, ours, airflow: theirs[index] }]
    })
    expect(differences.slice(0, 5)).toEqual([])
  })
})
