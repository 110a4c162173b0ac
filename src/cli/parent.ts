/** How often to look, in milliseconds. */
const pollMs = 500

/**
 * Sends this process SIGTERM as soon as the one that started it has gone. A scheduler that was killed cannot tell its tasks, and
 * starts them again elsewhere.
 */
export function endWithParent(): void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, pollMs)
  timer.unref()
}
