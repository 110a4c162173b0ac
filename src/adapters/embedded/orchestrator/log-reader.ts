import type { Clock } from '../../../ports/clock.ts'
import type { LogLine } from '../../../ports/orchestrator.ts'
import { attemptUnknown } from '../../../ports/run-request.ts'
import { toLogLine } from './rows.ts'
import type { Store } from './store.ts'

export interface LogRequest {
  readonly dag: string
  readonly runId: string
  readonly attempt: number
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

const linesAtOnce = 500

/**
 * Yields an attempt's log; with `follow`, as it grows, until the attempt has ended. Following may start before the
 * attempt has begun, as long as its run may still begin it.
 */
export async function* followLog(
  store: Store,
  clock: Clock,
  pollMs: number,
  request: LogRequest,
): AsyncGenerator<LogLine> {
  const { dag, runId, attempt: number, follow = false, signal } = request
  let line = 0
  for (;;) {
    signal?.throwIfAborted()
    // Read before the lines: what an attempt said last is stored together with its end.
    const run = store.run(dag, runId)
    const attempt = store.attempt(run, number)
    const open = attempt ? attempt.state === 'running' : run.state === 'queued' || run.state === 'running'
    if (!attempt && !(follow && open && number > run.attempts)) throw attemptUnknown(dag, runId, number)

    const rows = attempt ? store.logLines(attempt.id, line, linesAtOnce) : []
    for (const row of rows) {
      line = row.line
      yield toLogLine(row)
    }
    if (rows.length === linesAtOnce) continue
    if (!follow || !open) return
    await clock.sleep(pollMs, signal)
  }
}
