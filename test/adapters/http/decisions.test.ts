import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextDue } from '../../../src/adapters/http/pace.ts'
import { firstPosition, formatCursor, parseCursor, positionAfter } from '../../../src/adapters/http/position.ts'
import { parseRetryAfter, retryDelayMs } from '../../../src/adapters/http/retry.ts'
import { type ErrorFacts, MillraceError } from '../../../src/sdk/errors.ts'
import type { HttpPage } from '../../../src/sdk/sources/http.ts'

describe('the pace', () => {
  it('never lets more records through than its rate and one page of catching up', () => {
    const arbitrary = fc.array(fc.tuple(fc.nat(5000), fc.nat(20_000)), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(arbitrary, fc.integer({ min: 1, max: 1000 }), (pages, recordsPerSecond) => {
        let now = 0
        let due = 0
        let records = 0
        for (const [count, lateMs] of pages) {
          now = Math.max(now + lateMs, due)
          const largest = Math.max(count, 1)
          due = nextDue({ recordsPerSecond, requestsPerSecond: null }, due, now, count)
          records += count
          expect(due).toBeGreaterThanOrEqual(now)
          expect(records).toBeLessThanOrEqual((due / 1000) * recordsPerSecond + largest + 1e-6)
        }
      }),
    )
  })

  it('is kept exactly by a reader that is a little late each time', () => {
    const pace = { recordsPerSecond: 100, requestsPerSecond: null }
    let due = 0
    for (let page = 0; page < 10; page++) due = nextDue(pace, due, due + 30, 100)
    expect(due).toBe(10_000)
  })

  it('takes the slower of records and requests', () => {
    expect(nextDue({ recordsPerSecond: 100, requestsPerSecond: 0.5 }, 0, 0, 100)).toBe(2000)
    expect(nextDue({ recordsPerSecond: 10, requestsPerSecond: 0.5 }, 0, 0, 100)).toBe(10_000)
    expect(nextDue({ recordsPerSecond: null, requestsPerSecond: null }, 5, 8, 100)).toBe(8)
  })
})

describe('retries', () => {
  const half = { next: () => 0.5 }
  const error = (code: ConstructorParameters<typeof MillraceError>[0], facts: ErrorFacts = {}) =>
    new MillraceError(code, 'no', facts)

  it.each([
    ['doubles the longest wait', error('SOURCE_FAILED'), 1, 250],
    ['doubles the longest wait', error('SOURCE_FAILED'), 4, 2000],
    ['up to half a minute', error('SOURCE_FAILED'), 30, 15_000],
    ['gives up after its tries', error('SOURCE_FAILED'), 40, null],
    ['never tries what cannot succeed', error('SOURCE_REFUSED'), 1, null],
    ['tries a wrong format again', error('SOURCE_MALFORMED'), 2, 500],
    ['but only three times', error('SOURCE_MALFORMED'), 3, null],
    ['lets the source say when', error('SOURCE_THROTTLED', { retryAfterMs: 12_345 }), 1, 12_345],
    ['at once, if it says so', error('SOURCE_FAILED', { retryAfterMs: 0 }), 1, 0],
    ['but not for hours', error('SOURCE_THROTTLED', { retryAfterMs: 300_001 }), 1, null],
  ])('%s: %s, failure %i: %s ms', (_, failed, failures, delay) => {
    expect(retryDelayMs(failed, failures, 40, half)).toBe(delay)
  })

  it.each([
    [null, null],
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5000],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', null],
    ['-1', null],
    ['2026', 2_026_000],
    ['1.5', null],
  ])('Retry-After %j is %j ms', (header, ms) => {
    expect(parseRetryAfter(header, Date.UTC(2026, 0, 1))).toBe(ms)
  })
})

describe('cursors', () => {
  const pagings: readonly HttpPage[] = [
    { kind: 'none' },
    { kind: 'number', parameter: 'p', start: 1, last: null },
    { kind: 'number', parameter: 'p', start: 0, last: 3 },
    { kind: 'offset', parameter: 'o', start: 0 },
    { kind: 'cursor', parameter: 'c', path: ['next'] },
  ]

  it('come back as the position they were made of', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...pagings),
        fc.string({ minLength: 1, maxLength: 80 }),
        fc.nat(100),
        (page, next, n) => {
          const position = positionAfter(page, firstPosition(page), { next }, n)
          expect(parseCursor(page, formatCursor(position))).toEqual(position)
        },
      ),
    )
  })

  it.each([
    ['{"p":1}', 'offset'],
    ['{"o":1}', 'number'],
    ['{"c":"x"}', 'number'],
    ['{"p":0}', 'number'],
    ['{"p":1.5}', 'number'],
    ['{"p":"1"}', 'number'],
    ['{"p":1,"o":1}', 'number'],
    ['{"c":""}', 'cursor'],
    ['{"start":true}', 'cursor'],
    ['{"end":1}', 'none'],
    ['["p"]', 'number'],
  ])('%s is refused where pages are by %s', (text, kind) => {
    const page = pagings.find(page => page.kind === kind)!
    expect(() => parseCursor(page, text)).toThrow(expect.objectContaining({ code: 'CURSOR_INVALID' }))
  })

  it('past the last page are refused', () => {
    expect(parseCursor(pagings[2]!, '{"p":3}')).toEqual({ p: 3 })
    expect(() => parseCursor(pagings[2]!, '{"p":4}')).toThrow('is not a cursor of this source')
  })

  it('of the API are refused where they do not fit', () => {
    const page = pagings[4]!
    for (const next of [{}, [], true, 'x'.repeat(3000)]) {
      expect(() => positionAfter(page, { start: true }, { next }, 1)).toThrow('The cursor at next')
    }
    expect(positionAfter(page, { start: true }, { next: 17 }, 1)).toEqual({ c: '17' })
    expect(positionAfter(page, { start: true }, { next: null }, 1)).toEqual({ end: true })
  })
})
