import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Meter } from '../../../src/cli/dev/meter.ts'

describe('a meter', () => {
  it('has the mean of the last three whole seconds as its rate', () => {
    const meter = new Meter(10_000)
    meter.add(900, 10_100)
    expect(meter.rate(10_900)).toBe(900)
    meter.add(300, 11_500)
    expect(meter.rate(12_000)).toBe(600)
    meter.add(600, 12_000)
    meter.add(0, 13_000)
    expect(meter.rate(13_500)).toBe(600)
    expect(meter.rate(14_000)).toBe(300)
  })

  it('falls to zero when nothing comes', () => {
    const meter = new Meter(0)
    meter.add(1_000, 500)
    expect(meter.rate(1_000)).toBe(1_000)
    expect(meter.rate(4_999)).toBe(0)
    expect(meter.rate(3_600_000)).toBe(0)
  })

  it('keeps a minute, oldest first, and counts everything in its total', () => {
    const meter = new Meter(0)
    for (let second = 0; second < 100; second++) meter.add(second, second * 1_000)
    expect(meter.history(100_000)).toEqual(Array.from({ length: 60 }, (_, index) => 40 + index))
    expect(meter.total).toBe(4_950)
  })

  it('loses no count and keeps its bounds, even if the clock steps back', () => {
    const anyAdds = fc.array(fc.record({ count: fc.nat(1_000), at: fc.nat(30_000) }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(anyAdds, adds => {
        const meter = new Meter(0)
        for (const { count, at } of adds) meter.add(count, at)
        const sum = adds.reduce((total, { count }) => total + count, 0)
        expect(meter.total).toBe(sum)
        const history = meter.history(31_000)
        expect(history.reduce((total, count) => total + count, 0)).toBe(sum)
        expect(history.length).toBeLessThanOrEqual(60)
      }),
    )
  })
})
