import type { RunState } from '../../ports/orchestrator.ts'
import type { StageState } from '../../ports/processor.ts'
import type { ErrorReport } from '../../sdk/errors.ts'

/** What `millrace dev` shows, at one moment. */
export interface DevSnapshot {
  readonly pipeline: string
  readonly target: string
  readonly statePath: string
  /** Milliseconds since 1970 UTC. */
  readonly at: number
  /** Milliseconds since the process started. */
  readonly uptimeMs: number
  /** Milliseconds from the start of the process to the first row being durable in a table; null until then. */
  readonly firstRowMs: number | null
  readonly source: SourceView
  readonly stages: readonly StageView[]
  readonly run: RunView | null
  /** ISO 8601. */
  readonly nextRunAt: string | null
  readonly peakRssBytes: number
}

export interface SourceView {
  /** Such as `https://randomuser.me/api/`. */
  readonly address: string
  /** Why the bundled simulator stands in for it, in a sentence; null when it does not. */
  readonly simulated: string | null
}

export interface StageView {
  readonly name: string
  readonly kind: 'ingest' | 'stream'
  /** What it reads and writes: `randomuser → users_created`. */
  readonly from: string
  readonly to: string
  readonly state: StageState
  readonly error: ErrorReport | null
  /** Over the last seconds. */
  readonly recordsPerSecond: number
  /** Records per second, one value a second, oldest first; at most 60. */
  readonly history: readonly number[]
  /** Since this process started. */
  readonly records: number
  /** In the table or topic it writes, since ever; null while unknown. */
  readonly total: number | null
  readonly deadLetters: number
  /** Records not read yet; null for an ingest stage. */
  readonly lag: number | null
}

export interface RunView {
  readonly dag: string
  readonly runId: string
  readonly state: RunState
  readonly attempt: number
  /** Milliseconds streamed so far, over all attempts. */
  readonly elapsedMs: number
  /** Of the whole run; null without a duration. */
  readonly durationMs: number | null
  readonly error: ErrorReport | null
}
