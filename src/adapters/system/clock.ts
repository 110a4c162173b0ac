import { setTimeout as delay } from 'node:timers/promises'
import type { Clock, Random } from '../../ports/clock.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted()
    try {
      await delay(ms, undefined, signal ? { signal } : {})
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}

export const systemRandom: Random = { next: () => Math.random() }
