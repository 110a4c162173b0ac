import type { Clock, Random } from '../../../ports/clock.ts'

/** The first pause between two tries and the longest, in milliseconds. */
const firstMs = 50
const longestMs = 2_000

/** The pauses between tries of one thing, until it works or has failed for too long. */
export class Backoff {
  readonly #limitMs: number
  readonly #clock: Clock
  readonly #random: Random
  #failures = 0
  #since: number | null = null

  /** @param limitMs how long it may go on failing, in milliseconds */
  constructor(limitMs: number, clock: Clock, random: Random) {
    this.#limitMs = limitMs
    this.#clock = clock
    this.#random = random
  }

  /** It worked: the next failure is a first one. */
  reset(): void {
    this.#failures = 0
    this.#since = null
  }

  /** Waits before the next try. @throws `failure` if there is to be none; the signal's reason as soon as it aborts. */
  async pause(failure: unknown, signal: AbortSignal): Promise<void> {
    const now = this.#clock.elapsed()
    this.#since ??= now
    const left = this.#since + this.#limitMs - now
    if (left <= 0) throw failure
    const step = Math.min(longestMs, firstMs * 2 ** Math.min(this.#failures, 30))
    this.#failures += 1
    await this.#clock.sleep(Math.min(left, step / 2 + (this.#random.next() * step) / 2), signal)
  }
}
