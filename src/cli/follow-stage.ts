import type { Logger } from '../ports/logger.ts'
import type { Processor, StageProgress, StageState } from '../ports/processor.ts'
import { fromReport, type MillraceError } from '../sdk/errors.ts'

export interface FollowOptions {
  /** What is to be said of it, beside its own log. */
  readonly logger: Logger
  /** Milliseconds that draining may take. */
  readonly drainMs: number
  readonly drain: AbortSignal
  readonly stop: AbortSignal
  readonly onState: (state: StageState, error: MillraceError | null) => void
  readonly onProgress: (progress: StageProgress) => void
}

/**
 * Starts a stage that runs elsewhere, or attaches to it, and follows it until it ends or this process is told to leave it.
 * @throws MillraceError why it failed.
 */
export async function followStage(
  processor: Processor,
  stage: string,
  { logger, drainMs, drain, stop, onState, onProgress }: FollowOptions,
): Promise<void> {
  const ended = Promise.withResolvers<void>()
  let said = ''
  const unwatch = processor.watch(event => {
    if (event.kind === 'progress') {
      if (event.progress.stage === stage) onProgress(event.progress)
      return
    }
    const { status } = event
    if (status.stage !== stage) return
    const error = status.error === null ? null : fromReport(status.error)
    if (error !== null && error.message !== said) logger.log('warn', `${status.state}: ${error.message}`)
    said = error?.message ?? ''
    onState(status.state, error)
    if (status.state === 'stopped') ended.resolve()
    if (status.state === 'failed') ended.reject(error)
  })
  ended.promise.catch(() => {})
  const whenAborted = (signal: AbortSignal, work: () => Promise<void>) => {
    const begin = () => void work().then(ended.resolve, ended.reject)
    if (signal.aborted) begin()
    else signal.addEventListener('abort', begin, { once: true })
    return () => signal.removeEventListener('abort', begin)
  }
  const leave = async () => {
    await processor.leave(stage, drainMs)
    const { state } = await processor.status(stage)
    if (state === 'running') logger.log('info', `${stage} goes on without this process; \`millrace stop\` ends it.`)
  }
  try {
    await processor.start(stage)
    const undo = [whenAborted(drain, leave), whenAborted(stop, () => processor.stop(stage))]
    await ended.promise.finally(() => {
      for (const each of undo) each()
    })
  } finally {
    unwatch()
  }
}
