import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffDelay, type PersistOptions, persist } from '../../src/engine/backoff.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { virtualClock } from '../../src/testing/virtual-clock.ts'

const backoff = { firstMs: 100, maxMs: 5_000 }
const busy = (facts = {}) => new MillraceError('STORAGE_BUSY', 'Locked.', facts)

describe('backoffDelay', () => {
  it('is between half of the step and the whole of it, and never over the maximum', () => {
    const anyBackoff = fc.record({
      firstMs: fc.integer({ min: 1, max: 1_000 }),
      maxMs: fc.integer({ min: 1, max: 60_000 }),
    })
    const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(anyBackoff, fc.integer({ min: 1, max: 10_000 }), anyRandom, (each, failures, random) => {
        const step = Math.min(each.maxMs, each.firstMs * 2 ** (failures - 1))
        const delay = backoffDelay(each, failures, { next: () => random })
        expect(delay).toBeGreaterThanOrEqual(step / 2)
        expect(delay).toBeLessThanOrEqual(step)
      }),
    )
  })

  it('doubles from failure to failure until the maximum', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map(failures => backoffDelay(backoff, failures, { next: () => 0 }))
    expect(delays).toEqual([50, 100, 200, 400, 800, 1_600, 2_500, 2_500])
  })

  it('differs between stages that fail at the same moment', () => {
    const random = seededRandom('jitter')
    expect(new Set(Array.from({ length: 20 }, () => backoffDelay(backoff, 1, random))).size).toBe(20)
  })
})

function persisting(errors: readonly unknown[], given: Partial<PersistOptions> = {}) {
  const clock = virtualClock({ auto: true })
  const failures: MillraceError[] = []
  let calls = 0
  const work = async () => {
    const error = errors[calls++]
    if (error !== undefined) throw error
    return calls
  }
  const result = persist(work, {
    ...{ backoff, clock, random: { next: () => 0 }, signal: new AbortController().signal },
    onFailure: error => void failures.push(error),
    ...given,
  })
  return { result, clock, failures, calls: () => calls }
}

describe('persist', () => {
  it('repeats what may succeed later, waiting longer each time, and says every failure', async () => {
    const { result, clock, failures } = persisting([busy(), busy(), busy()])
    expect(await result).toBe(4)
    expect(clock.waits).toEqual([50, 100, 200])
    expect(failures.map(({ code }) => code)).toEqual(['STORAGE_BUSY', 'STORAGE_BUSY', 'STORAGE_BUSY'])
  })

  it('waits at least as long as the error asks for', async () => {
    const { result, clock } = persisting([busy({ retryAfterMs: 30_000 }), busy({ retryAfterMs: 1 })])
    await result
    expect(clock.waits).toEqual([30_000, 100])
  })

  it('gives up at once on what waiting cannot mend, with the error itself', async () => {
    for (const error of [new MillraceError('STATE_CORRUPT', 'Damaged.'), new TypeError('A fault of ours.')]) {
      const { result, clock, failures, calls } = persisting([busy(), error])
      await expect(result).rejects.toBe(error)
      expect([calls(), clock.waits.length, failures.length]).toEqual([2, 1, 1])
    }
  })

  it('stops when its signal aborts: while it waits, and instead of waiting', async () => {
    const whileWaiting = new AbortController()
    const waiting = persisting([busy(), busy()], { clock: virtualClock(), signal: whileWaiting.signal })
    await new Promise(setImmediate)
    whileWaiting.abort(new Error('stop'))
    await expect(waiting.result).rejects.toThrow('stop')
    expect(waiting.calls()).toBe(1)

    const stopped = persisting([busy()], { signal: AbortSignal.abort(new Error('stop')) })
    await expect(stopped.result).rejects.toThrow('stop')
    expect(stopped.clock.waits).toEqual([])
  })

  it('does not wait for work that hangs when its signal aborts', async () => {
    const stop = new AbortController()
    const { promise: hanging } = Promise.withResolvers<void>()
    const clock = virtualClock()
    const options = { backoff, clock, random: { next: () => 0 }, signal: stop.signal, onFailure: () => {} }
    const result = persist(() => hanging, options)
    stop.abort(new Error('stop'))
    await expect(result).rejects.toThrow('stop')
  })
})
