import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { virtualClock } from '../../src/testing/virtual-clock.ts'

describe('a virtual clock', () => {
  it('moves only when told, and wakes sleepers in the order they are due', async () => {
    const clock = virtualClock({ start: 1000 })
    const woken: string[] = []
    const sleep = async (name: string, ms: number) => {
      await clock.sleep(ms)
      woken.push(`${name} at ${clock.now()}`)
    }
    const all = Promise.all([sleep('b', 20), sleep('a', 10), sleep('c', 30).then(() => sleep('d', 5))])
    await clock.advance(25)
    expect(woken).toEqual(['a at 1010', 'b at 1020'])
    expect([clock.now(), clock.elapsed(), clock.sleepers]).toEqual([1025, 25, 1])
    await clock.advance(10)
    await all
    expect(woken).toEqual(['a at 1010', 'b at 1020', 'c at 1030', 'd at 1035'])
    expect(clock.waits).toEqual([20, 10, 30, 5])
  })

  it('moves by itself to the next sleeper when told so once', async () => {
    const clock = virtualClock({ auto: true })
    await Promise.all([clock.sleep(86_400_000), clock.sleep(5)])
    expect(clock.elapsed()).toBe(86_400_000)
  })

  it('ends a sleep with the signal’s reason', async () => {
    const clock = virtualClock()
    const controller = new AbortController()
    const sleeping = clock.sleep(10, controller.signal)
    controller.abort(new Error('enough'))
    await expect(sleeping).rejects.toThrow('enough')
    await expect(clock.sleep(10, controller.signal)).rejects.toThrow('enough')
    expect(clock.sleepers).toBe(0)
  })
})

describe('seeded random numbers', () => {
  it('are the same for the same seed, and spread over [0, 1)', () => {
    const draw = (seed: string) => {
      const random = seededRandom(seed)
      return Array.from({ length: 10_000 }, () => random.next())
    }
    const numbers = draw('a')
    expect(draw('a')).toEqual(numbers)
    expect(draw('b')).not.toEqual(numbers)
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = numbers.filter(number => Math.floor(number * 10) === tenth).length
      expect(share).toBeGreaterThan(850)
      expect(share).toBeLessThan(1150)
    }
  })
})
