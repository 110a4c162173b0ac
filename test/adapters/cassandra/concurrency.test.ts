import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decrease, increase, initialWindow } from '../../../src/adapters/cassandra/concurrency.ts'

describe('the number of requests in flight', () => {
  it('starts at half of what is allowed', () => {
    expect(initialWindow(16).size).toBe(8)
    expect(initialWindow(1).size).toBe(1)
  })

  it('grows by about one for each window full of answers, up to the limit', () => {
    let window = { size: 4, limit: 6 }
    for (let i = 0; i < 4; i++) window = increase(window, 4)
    expect(window.size).toBeGreaterThan(4.8)
    expect(window.size).toBeLessThanOrEqual(5)
    for (let i = 0; i < 100; i++) window = increase(window, 6)
    expect(window.size).toBe(6)
  })

  it('does not grow while fewer requests than allowed are on their way', () => {
    expect(increase({ size: 4, limit: 16 }, 3).size).toBe(4)
  })

  it('is halved by an overload, and never below one', () => {
    expect(decrease({ size: 16, limit: 16 }).size).toBe(8)
    expect(decrease({ size: 1.5, limit: 16 }).size).toBe(1)
  })

  it('stays between one and the limit whatever happens', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1024 }), fc.array(fc.boolean(), { maxLength: 200 }), (limit, answers) => {
        let window = initialWindow(limit)
        for (const good of answers) {
          window = good ? increase(window, Math.floor(window.size)) : decrease(window)
          expect(window.size).toBeGreaterThanOrEqual(1)
          expect(window.size).toBeLessThanOrEqual(limit)
        }
      }),
    )
  })
})
