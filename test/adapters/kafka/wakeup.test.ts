import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Wakeup } from '../../../src/adapters/kafka/wakeup.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'

const longMs = 60_000

describe('a wakeup', () => {
  it('ends the wait, also one that begins after it, once', async () => {
    const wakeup = new Wakeup(systemClock)
    const waiting = wakeup.wait(longMs)
    wakeup.wake()
    await waiting
    wakeup.wake()
    await wakeup.wait(longMs)
    const startedAt = systemClock.elapsed()
    await wakeup.wait(20)
    expect(systemClock.elapsed() - startedAt).toBeGreaterThan(18)
  })

  it('leaves a wait with the reason of the signal, and nothing at one that goes on', async () => {
    const wakeup = new Wakeup(systemClock)
    const over = new AbortController()
    await wakeup.wait(1, over.signal)
    expect(getEventListeners(over.signal, 'abort')).toEqual([])
    const waiting = wakeup.wait(longMs, over.signal)
    over.abort('enough')
    await expect(waiting).rejects.toBe('enough')
    await expect(wakeup.wait(longMs, over.signal)).rejects.toBe('enough')
  })
})
