/** How many requests may be on their way: what `increase` and `decrease` move between 1 and the limit. */
export interface Window {
  readonly size: number
  readonly limit: number
}

/** Half of what is allowed: soon at the limit where that is right, and no burst where it is not. */
export function initialWindow(limit: number): Window {
  return { size: Math.max(1, limit / 2), limit }
}

/**
 * One more request for each window full of answers (additive increase). Answers that came while requests were few say
 * nothing about more of them.
 */
export function increase(window: Window, inFlight: number): Window {
  if (inFlight < Math.floor(window.size)) return window
  return { ...window, size: Math.min(window.limit, window.size + 1 / window.size) }
}

/** Half as many once Cassandra is overloaded or does not answer in time (multiplicative decrease). */
export function decrease(window: Window): Window {
  return { ...window, size: Math.max(1, window.size / 2) }
}
