import type { Clock, Random } from '../../ports/clock.ts'
import { MillraceError } from '../../sdk/errors.ts'

const firstDelayMs = 100
const maxDelayMs = 2_000
/** A server that asks for a longer pause than this is left alone: the caller tries again later. */
const maxRetryAfterMs = 10_000

export interface RepeatedCallOptions {
  /** Calls in all, the first one included. */
  readonly tries: number
  /** Whether a call that failed like this does no harm when it is made again. */
  readonly mayRepeat: (error: MillraceError) => boolean
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
}

/** What `call` gives, repeated where that can help and does no harm. @throws what the last call threw. */
export async function repeatedCall<T>(call: () => Promise<T>, options: RepeatedCallOptions): Promise<T> {
  const { tries, mayRepeat, clock, random, signal } = options
  for (let failures = 1; ; failures++) {
    try {
      return await call()
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || !mayRepeat(thrown)) throw thrown
      const delay = retryDelayMs(thrown, failures, tries, random)
      if (delay === null) throw thrown
      await clock.sleep(delay, signal)
    }
  }
}

/** Milliseconds before the next try after `failures` failed ones; null to give up. Half of it is chance. */
export function retryDelayMs(error: MillraceError, failures: number, tries: number, random: Random): number | null {
  if (error.retry === 'never' || failures >= tries) return null
  const asked = error.retryAfterMs ?? 0
  if (asked > maxRetryAfterMs) return null
  const step = Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1))
  return Math.max(asked, step / 2 + (random.next() * step) / 2)
}
