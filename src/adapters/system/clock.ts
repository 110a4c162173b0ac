import { setTimeout as delay } from 'node:timers/promises'
import type { Clock, Random } from '../../ports/clock.ts'

/** The longest wait of one timer, in milliseconds: about 25 days. */
const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted()
    try {
      for (let left = ms; left > 0; left -= longestTimerMs) {
        await delay(Math.min(left, longestTimerMs), undefined, signal ? { signal } : {})
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}

export const systemRandom: Random = { next: () => Math.random() }
