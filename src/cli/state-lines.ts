import type { StageState } from '../ports/processor.ts'
import type { MillraceError } from '../sdk/errors.ts'
import type { CliContext } from './context.ts'

/**
 * Says with `--json` each state that a stage gets into, and a pause again when its reason is another. Without, the stage's log
 * says it in words.
 */
export class StateLines {
  readonly #context: CliContext
  readonly #json: boolean
  #said = ''

  constructor(context: CliContext, json: boolean) {
    this.#context = context
    this.#json = json
  }

  show(state: StageState, error: MillraceError | null): void {
    const now = `${state} ${error?.code}`
    if (!this.#json || now === this.#said) return
    this.#said = now
    void this.#context.stdout.json({ kind: 'state', state, error })
  }
}
