/** Whoever changed the terminal. Both may be called at any time and more than once. */
export interface TerminalHolder {
  /** Makes the terminal what it was. Must not wait. */
  release(): void
  /** Takes it again. */
  resume(): void
}

const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Gives the terminal back when the process ends in any way that lets it act (a crash, `process.exit`, a signal that nobody
 * else handles), and while it is suspended. The returned function ends that.
 */
export function guardTerminal(holder: TerminalHolder): () => void {
  const release = () => holder.release()
  const resume = () => {
    holder.release()
    holder.resume()
  }
  const end = (signal: NodeJS.Signals) => {
    if (process.listenerCount(signal) > 1) return
    holder.release()
    process.off(signal, end)
    process.kill(process.pid, signal)
  }
  const stop = () => {
    holder.release()
    process.off('SIGTSTP', stop)
    process.off('SIGCONT', resume)
    // Returns when the process has been continued; at once where there is no shell to continue it.
    process.kill(process.pid, 'SIGTSTP')
    process.on('SIGTSTP', stop)
    process.on('SIGCONT', resume)
    holder.resume()
  }
  const suspends = process.platform !== 'win32'
  process.on('exit', release)
  for (const signal of endings) process.on(signal, end)
  if (suspends) {
    process.on('SIGTSTP', stop)
    process.on('SIGCONT', resume)
  }
  return () => {
    process.off('exit', release)
    for (const signal of endings) process.off(signal, end)
    process.off('SIGTSTP', stop)
    process.off('SIGCONT', resume)
  }
}

/** What Ctrl-Z does: stops this process and those that started it for the same command line, such as npm. */
export function suspend(): void {
  if (process.platform !== 'win32') process.kill(0, 'SIGTSTP')
}
