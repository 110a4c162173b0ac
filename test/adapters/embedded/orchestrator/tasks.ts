import type { TaskHandlers } from '../../../../src/ports/orchestrator.ts'
import { MillraceError } from '../../../../src/sdk/errors.ts'

export const succeed: TaskHandlers[string] = async () => ({ kind: 'done', result: null })

export const fail: TaskHandlers[string] = async ({ dag }) => ({
  kind: 'retry',
  error: new MillraceError('SOURCE_UNREACHABLE', 'The source did not answer.', { place: dag }).toJSON(),
  result: null,
})

/** Runs until told to stop, then throws the signal's reason. */
export const hold: TaskHandlers[string] = ({ signal }) =>
  new Promise((_, reject) => {
    signal.throwIfAborted()
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
