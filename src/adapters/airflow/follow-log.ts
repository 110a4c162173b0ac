import type { Clock } from '../../ports/clock.ts'
import type { LogLine } from '../../ports/orchestrator.ts'
import { attemptUnknown } from '../../ports/run-request.ts'
import { type AttemptAddress, readLog } from './attempt-log.ts'
import { isOver, listTries } from './attempts.ts'
import type { Client } from './client.ts'
import { readRun } from './runs.ts'

export interface FollowOptions {
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

/** How often to look for new lines, in milliseconds. */
const pollMs = 500

/**
 * Yields an attempt's log; with `follow`, as it grows, until the attempt has ended. Following may start before the attempt has
 * begun, as long as its run may still begin it.
 */
export async function* followLog(
  client: Client,
  clock: Clock,
  address: AttemptAddress,
  { follow = false, signal }: FollowOptions,
): AsyncGenerator<LogLine> {
  const { dag, runId, task, attempt } = address
  let shown = 0
  for (;;) {
    signal?.throwIfAborted()
    // Read before the lines: what an attempt said last is in the log before its end is known.
    const run = await readRun(client, dag, runId)
    const found = (await listTries(client, run, task)).find(each => each.try_number === attempt)
    const began = found !== undefined && attempt <= run.attempts
    const open = began ? !isOver(found) : run.state === 'queued' || run.state === 'running'
    if (!began && !(follow && open && attempt > run.attempts)) throw attemptUnknown(dag, runId, attempt)
    const lines = began ? await readLog(client, address) : []
    yield* lines.slice(shown)
    shown = Math.max(shown, lines.length)
    if (!follow || !open) return
    await clock.sleep(pollMs, signal)
  }
}
