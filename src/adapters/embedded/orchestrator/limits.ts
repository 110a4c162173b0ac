/** All in milliseconds but the last two. */
export interface OrchestratorLimits {
  /** How often other processes' changes are looked for. Default 150. */
  readonly pollMs: number
  /** Longest a log line waits before it is written. Default 200. */
  readonly flushMs: number
  /** How long a handler may take to return once its signal has aborted. Default 5,000. */
  readonly graceMs: number
  /** A serving process silent for this long is replaced by a standby. Default 15,000. */
  readonly leaseMs: number
  /** Attempts at once, over all DAGs. Default 16. */
  readonly runningAttempts: number
  /** Scheduled runs of a DAG that wait at once; with catchup the older intervals come first. Default 16. */
  readonly queuedRuns: number
}

export const defaultLimits: OrchestratorLimits = {
  pollMs: 150,
  flushMs: 200,
  graceMs: 5_000,
  leaseMs: 15_000,
  runningAttempts: 16,
  queuedRuns: 16,
}
