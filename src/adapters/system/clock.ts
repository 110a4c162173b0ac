import type { Clock, Random } from '../../ports/clock.ts'

/** The longest wait of one timer, in milliseconds: about 25 days. */
const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted()
    for (let left = ms; left > 0; left -= longestTimerMs) await delay(Math.min(left, longestTimerMs), signal)
  },
}

export const systemRandom: Random = { next: () => Math.random() }

/** As that of `node:timers/promises`, which makes an error of its own, with a stack, for each wait that ends early. */
function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const end = () => {
    signal?.removeEventListener('abort', abort)
    resolve()
  }
  const timer = setTimeout(end, ms)
  const abort = () => {
    clearTimeout(timer)
    reject(signal!.reason)
  }
  signal?.addEventListener('abort', abort, { once: true })
  return promise
}
