/** Seconds of history kept. */
const historySeconds = 60
/** Seconds that the current rate is the mean of. */
const rateSeconds = 3

/** Counts by the second, for a rate and its recent history. */
export class Meter {
  /** One count a second, oldest first; the last is the second under way. */
  #counts: number[] = [0]
  #second: number
  total = 0

  /** @param nowMs milliseconds from any start */
  constructor(nowMs: number) {
    this.#second = Math.floor(nowMs / 1000)
  }

  add(count: number, nowMs: number): void {
    this.#advance(nowMs)
    this.#counts[this.#counts.length - 1]! += count
    this.total += count
  }

  /** Records per second over the last few whole seconds, or over those there have been. */
  rate(nowMs: number): number {
    this.#advance(nowMs)
    const whole = this.#counts.slice(0, -1).slice(-rateSeconds)
    if (whole.length === 0) return this.#counts[0]!
    return whole.reduce((sum, count) => sum + count, 0) / whole.length
  }

  history(nowMs: number): readonly number[] {
    this.#advance(nowMs)
    return this.#counts.slice(0, -1)
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    const passed = Math.min(second - this.#second, historySeconds + 1)
    for (let i = 0; i < passed; i++) this.#counts.push(0)
    this.#counts = this.#counts.slice(-(historySeconds + 1))
    this.#second = Math.max(second, this.#second)
  }
}
