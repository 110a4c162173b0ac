import { decrease, increase, initialWindow, type Window } from './concurrency.ts'

export interface InFlightLimits {
  readonly requests: number
  readonly bytes: number
}

interface Waiter {
  readonly bytes: number
  readonly admit: () => void
}

/** Bounds what all tables of a store have on its way to Cassandra, in requests and bytes. */
export class InFlight {
  readonly #maxBytes: number
  readonly #waiting: Waiter[] = []
  #window: Window
  #requests = 0
  #bytes = 0
  /** The window is halved once for all the requests that were on their way when it was. */
  #halvedAt = 0
  #sent = 0

  constructor(limits: InFlightLimits) {
    this.#window = initialWindow(limits.requests)
    this.#maxBytes = limits.bytes
  }

  /** Runs `send` once there is room for it. `isOverload` says which failures ask for fewer requests. */
  async run<T>(bytes: number, send: () => Promise<T>, isOverload: (error: unknown) => boolean): Promise<T> {
    await this.#enter(bytes)
    const sequence = ++this.#sent
    try {
      const result = await send()
      this.#window = increase(this.#window, this.#requests)
      return result
    } catch (error) {
      if (isOverload(error) && sequence > this.#halvedAt) {
        this.#halvedAt = this.#sent
        this.#window = decrease(this.#window)
      }
      throw error
    } finally {
      this.#requests -= 1
      this.#bytes -= bytes
      this.#admit()
    }
  }

  async #enter(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#take(bytes)
      return
    }
    await new Promise<void>(admit => this.#waiting.push({ bytes, admit }))
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#take(next.bytes)
      next.admit()
    }
  }

  #take(bytes: number): void {
    this.#requests += 1
    this.#bytes += bytes
  }

  /** One request always fits, however large. */
  #fits(bytes: number): boolean {
    if (this.#requests === 0) return true
    return this.#requests < Math.floor(this.#window.size) && this.#bytes + bytes <= this.#maxBytes
  }
}
