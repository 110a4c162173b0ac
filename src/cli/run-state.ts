import type { AttemptState, RunState } from '../ports/orchestrator.ts'
import type { Output, Style } from './output.ts'

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
