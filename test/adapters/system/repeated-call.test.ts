import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { repeatedCall, retryDelayMs } from '../../../src/adapters/system/repeated-call.ts'
import { MillraceError } from '../../../src/sdk/errors.ts'

const failed = (facts = {}) => new MillraceError('REGISTRY_FAILED', 'x', facts)
const random = { next: () => 0.5 }

describe('a call is repeated', () => {
  it('with pauses that double up to two seconds', () => {
    const delays = [1, 2, 3, 6, 9].map(failures => retryDelayMs(failed(), failures, 10, random))
    expect(delays).toEqual([75, 150, 300, 1_500, 1_500])
  })

  it('not more often than allowed, nor if it cannot help, nor if the server asks for a long pause', () => {
    expect(retryDelayMs(failed(), 4, 4, random)).toBeNull()
    expect(retryDelayMs(new MillraceError('REGISTRY_REFUSED', 'x'), 1, 4, random)).toBeNull()
    expect(retryDelayMs(failed({ retryAfterMs: 60_000 }), 1, 4, random)).toBeNull()
    expect(retryDelayMs(failed({ retryAfterMs: 3_000 }), 1, 4, random)).toBe(3_000)
  })

  it.each([
    ['until it succeeds', true, 3],
    ['not where that could do harm', false, 1],
  ])('%s', async (_, may, calls) => {
    let made = 0
    const call = async () => {
      made += 1
      if (made < 3) throw failed()
      return made
    }
    const clock = { ...systemClock, sleep: async () => {} }
    const { signal } = new AbortController()
    const result = repeatedCall(call, { tries: 4, mayRepeat: () => may, clock, random, signal })
    await (may ? expect(result).resolves.toBe(3) : expect(result).rejects.toThrow(failed()))
    expect(made).toBe(calls)
  })
})
