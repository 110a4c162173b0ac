import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../../ports/clock.ts'

/** The longest that calls to the log may follow each other without letting the event loop turn, in milliseconds. */
const turnMs = 10

/**
 * SQLite answers without waiting, so a loop of awaited calls would never let timers, signals or other threads'
 * messages through. Every call takes its turn first.
 */
export class EventLoopTurns {
  readonly #clock: Clock
  #turnedAt: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#turnedAt = clock.elapsed()
  }

  async take(): Promise<void> {
    if (this.#clock.elapsed() - this.#turnedAt < turnMs) return
    await setImmediate()
    this.#turnedAt = this.#clock.elapsed()
  }
}
