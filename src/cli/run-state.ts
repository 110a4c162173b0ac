import type { AttemptState, Run, RunState } from '../ports/orchestrator.ts'
import type { Output, Style } from './output.ts'
import { formatElapsed } from './text.ts'

const styles: { readonly [S in RunState | AttemptState]: Style } = {
  queued: 'dim',
  running: 'cyan',
  success: 'green',
  failed: 'red',
  cancelled: 'yellow',
  up_for_retry: 'yellow',
  timed_out: 'red',
  lost: 'red',
}

/** A state of a run or an attempt in its colour. */
export function paintState(state: RunState | AttemptState, output: Output): string {
  return output.style(styles[state], state)
}

/** A run, its state, and how long it took if it has ended. */
export function runLine({ dag, runId, state, startedAt, endedAt }: Run, output: Output): string {
  const ended = startedAt !== null && endedAt !== null
  const took = ended ? ` in ${formatElapsed(Date.parse(endedAt) - Date.parse(startedAt))}` : ''
  return `${dag}  ${runId}  ${paintState(state, output)}${took}`
}
