import { queryFailure, type SparkError } from './errors.ts'
import { parseObject, type QueryProgress, toProgress, unreadable } from './progress.ts'

/** What became of a streaming query after it was started. */
export type QueryEvent =
  /** A batch is done. */
  | { readonly kind: 'progress'; readonly id: string; readonly runId: string; readonly progress: QueryProgress }
  /** It found nothing to do for a while. */
  | { readonly kind: 'idle'; readonly id: string; readonly runId: string }
  /** `failure` is null if it was stopped, or had nothing more to do. */
  | { readonly kind: 'terminated'; readonly id: string; readonly runId: string; readonly failure: SparkError | null }

/**
 * @param type as the protocol's StreamingQueryEventType
 * @returns null for a type that this client does not know
 * @throws MillraceError `PROCESSOR_FAILED` for text that is no event.
 */
export function readEvent(type: string, json: string): QueryEvent | null {
  const event = parseObject(json)
  switch (type) {
    case 'QUERY_PROGRESS_EVENT': {
      if (typeof event.progress !== 'object' || event.progress === null) throw unreadable(json)
      const progress = toProgress({ ...event.progress }, json)
      return { kind: 'progress', id: progress.id, runId: progress.runId, progress }
    }
    case 'QUERY_IDLE_EVENT':
      return { kind: 'idle', ...instanceOf(event, json) }
    case 'QUERY_TERMINATED_EVENT': {
      const { exception, errorClassOnException: errorClass } = event
      const failure =
        typeof exception === 'string'
          ? queryFailure(exception, typeof errorClass === 'string' ? errorClass : null)
          : null
      return { kind: 'terminated', ...instanceOf(event, json), failure }
    }
    default:
      return null
  }
}

function instanceOf(event: { readonly [name: string]: unknown }, json: string) {
  const { id, runId } = event
  if (typeof id !== 'string' || typeof runId !== 'string') throw unreadable(json)
  return { id, runId }
}
