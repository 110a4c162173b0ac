import { setImmediate } from 'node:timers/promises'

/**
 * Gives what `read` gives, and asks for the item after one before that one is worked on: the source and its reader work
 * at the same time, with one item waiting at most. A failure comes after the items before it. Once `signal` aborts no
 * further item is given, also none that has arrived; leaving the loop aborts what is being read, and waits for its end.
 *
 * @param read reads until the signal it is given aborts, with whose reason it then fails
 */
export async function* readAhead<T>(
  read: (signal: AbortSignal) => AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const left = new AbortController()
  const items = read(AbortSignal.any([signal, left.signal]))[Symbol.asyncIterator]()
  try {
    let next = items.next()
    for (;;) {
      const { done, value } = await next
      if (done) return
      signal.throwIfAborted()
      next = items.next()
      // It is waited for in the next turn; until then its failure must not count as unhandled.
      next.catch(() => {})
      // The request leaves before the work on this item takes the thread.
      await setImmediate()
      yield value
    }
  } finally {
    left.abort()
    await items.return?.()
  }
}
