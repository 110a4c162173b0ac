import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextVersion } from '../../src/engine/version.ts'

const now = Date.UTC(2026, 0, 1)
/** Append times as a broker may give them: equal, going back, or ahead of this machine. */
const anyTimes = fc.array(fc.integer({ min: now - 10_000, max: now + 10_000 }), { minLength: 1, maxLength: 50 })

function versionsOf(times: readonly number[], previous = 0, at = now): number[] {
  const versions: number[] = []
  for (const time of times) versions.push(nextVersion(versions.at(-1) ?? previous, time, at))
  return versions
}

describe('the versions of a partition', () => {
  it('strictly increase, whatever the append times (G2)', () => {
    fc.assert(
      fc.property(anyTimes, times => {
        const versions = versionsOf(times)
        for (const [index, version] of versions.entries()) {
          expect(Number.isSafeInteger(version)).toBe(true)
          if (index > 0) expect(version).toBeGreaterThan(versions[index - 1]!)
        }
      }),
    )
  })

  it('are the same when records are read again from a checkpoint, even at another time of day', () => {
    fc.assert(
      fc.property(anyTimes, fc.nat(49), fc.nat(1_000_000), (times, from, later) => {
        const past = times.map(time => Math.min(time, now))
        const first = versionsOf(past)
        const checkpoint = first[from - 1] ?? 0
        expect(versionsOf(past.slice(from), checkpoint, now + later)).toEqual(first.slice(from))
      }),
    )
  })

  it('are microseconds close to the append time', () => {
    expect(nextVersion(0, now - 5, now)).toBe((now - 5) * 1_000)
    expect(versionsOf([now, now, now])).toEqual([now * 1_000, now * 1_000 + 1, now * 1_000 + 2])
  })

  it('do not follow a clock that is ahead of this machine', () => {
    fc.assert(
      fc.property(anyTimes, times => {
        for (const version of versionsOf(times)) expect(version).toBeLessThan(now * 1_000 + times.length)
      }),
    )
  })

  it('are those that the Spark sink gives', () => {
    const path = new URL('../vectors/versions.json', import.meta.url)
    const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: readonly VersionCase[] }
    expect(cases.length).toBeGreaterThan(0)
    for (const { name, previous, now: at, times, versions } of cases) {
      expect(versionsOf(times, previous, at), name).toEqual(versions)
    }
  })
})

interface VersionCase {
  readonly name: string
  readonly previous: number
  readonly now: number
  readonly times: readonly number[]
  readonly versions: readonly number[]
}
