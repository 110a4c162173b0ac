/** Resolves when the signal aborts, and keeps the process running until then, whatever else has ended. */
export function interrupted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const running = setInterval(() => {}, 60_000)
  const end = () => {
    clearInterval(running)
    resolve()
  }
  if (signal.aborted) end()
  else signal.addEventListener('abort', end, { once: true })
  return promise
}
