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
    if (!this.#woken && ms > 0) {
      const woken = Promise.withResolvers<void>()
      this.#wake = woken.resolve
      const over = new AbortController()
      const timer = this.#clock.sleep(ms, signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]))
      try {
        await Promise.race([woken.promise, timer])
      } finally {
        this.#wake = null
        over.abort()
        timer.catch(() => {})
      }
    }
    this.#woken = false
  }
}
