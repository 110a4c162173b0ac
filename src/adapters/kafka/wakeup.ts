import type { Clock } from '../../ports/clock.ts'

/** Ends the wait of one waiter early. A wake that comes before the wait counts. */
export class Wakeup {
  readonly #clock: Clock
  #woken = false
  #wake: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wake(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** Up to `ms` milliseconds. @throws the signal's reason as soon as it aborts */
  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (!this.#woken && ms > 0) await this.#sleep(ms, signal)
    this.#woken = false
    signal?.throwIfAborted()
  }

  /** At a thousand records a second this is done for each: neither a combined signal nor an error for its end is made. */
  async #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    this.#wake = wake
    signal?.addEventListener('abort', wake)
    const over = new AbortController()
    const timer = this.#clock.sleep(ms, over.signal)
    try {
      await Promise.race([promise, timer])
    } finally {
      this.#wake = null
      signal?.removeEventListener('abort', wake)
      timer.catch(() => {})
      over.abort(null)
    }
  }
}
