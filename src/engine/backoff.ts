import type { Clock, Random } from '../ports/clock.ts'
import { asMillraceError, type MillraceError } from '../sdk/errors.ts'

export interface Backoff {
  /** Milliseconds before the first repeat, doubled for each further one. */
  readonly firstMs: number
  readonly maxMs: number
}

/** Exponential with full jitter: anything from half the step to the whole of it. */
export function backoffDelay(backoff: Backoff, failures: number, random: Random): number {
  const step = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures - 1, 30))
  return step / 2 + (random.next() * step) / 2
}

export interface PersistOptions {
  readonly backoff: Backoff
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Called before each wait. */
  readonly onFailure: (error: MillraceError) => void
}

/**
 * Repeats `work` for as long as its error says that trying again can help. A stage rather waits than fails: what it
 * needs is usually a system that comes back, and nothing is lost meanwhile. Once the signal aborts, its reason is thrown at
 * once, whatever becomes of the work.
 */
export async function persist<T>(work: () => Promise<T>, options: PersistOptions): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      return await unlessAborted(work(), options.signal)
    } catch (thrown) {
      options.signal.throwIfAborted()
      const error = asMillraceError(thrown)
      if (error.retry === 'never') throw thrown
      failures += 1
      options.onFailure(error)
      const wait = backoffDelay(options.backoff, failures, options.random)
      await options.clock.sleep(Math.max(wait, error.retryAfterMs ?? 0), options.signal)
    }
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
