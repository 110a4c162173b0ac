/** The only way anything but an adapter of this port learns the time or waits for it. */
export interface Clock {
  /** Milliseconds since 1970 UTC; may step back. */
  now(): number
  /** Milliseconds from an arbitrary start; never steps back. For durations. */
  elapsed(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** A source of randomness: seeded in tests. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
}
