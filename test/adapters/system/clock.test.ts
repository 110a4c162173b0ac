import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/adapters/system/clock.ts'

describe('the system clock', () => {
  it('sleeps at least as long as it is told, and leaves nothing at the signal', async () => {
    const { signal } = new AbortController()
    const startedAt = systemClock.elapsed()
    await systemClock.sleep(20, signal)
    // A timer counts from the loop's time, which may be a little before.
    expect(systemClock.elapsed() - startedAt).toBeGreaterThan(18)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('ends a sleep with the reason of the signal, at once', async () => {
    const over = new AbortController()
    const sleeping = systemClock.sleep(60_000, over.signal)
    over.abort('enough')
    await expect(sleeping).rejects.toBe('enough')
    await expect(systemClock.sleep(60_000, over.signal)).rejects.toBe('enough')
  })
})
