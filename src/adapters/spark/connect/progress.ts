import { MillraceError } from '../../../sdk/errors.ts'

/** One batch of a streaming query, as Spark tells it: the fields this client knows of StreamingQueryProgress. */
export interface QueryProgress {
  readonly id: string
  readonly runId: string
  readonly name: string | null
  /** When the batch began, ISO 8601. */
  readonly timestamp: string
  readonly batchId: number
  /** Milliseconds. */
  readonly batchDuration: number
  readonly numInputRows: number
  /** Milliseconds by step, such as `addBatch` and `walCommit`. */
  readonly durationMs: { readonly [step: string]: number }
  /** ISO 8601 by name, such as `watermark`; empty without event time. */
  readonly eventTime: { readonly [name: string]: string }
  readonly stateOperators: readonly StateProgress[]
  readonly sources: readonly SourceProgress[]
  readonly sink: SinkProgress
}

export interface StateProgress {
  readonly operatorName: string
  readonly numRowsTotal: number
  readonly memoryUsedBytes: number
}

export interface SourceProgress {
  readonly description: string
  /** As the source writes offsets; null before there was one. Kafka: by topic and partition. */
  readonly startOffset: unknown
  readonly endOffset: unknown
  readonly latestOffset: unknown
  readonly numInputRows: number
}

export interface SinkProgress {
  readonly description: string
  /** -1 where the sink does not count. */
  readonly numOutputRows: number
  /** What the sink counts itself, as text by name; left out by sinks that count nothing. */
  readonly metrics?: { readonly [name: string]: string }
}

/** @throws MillraceError `PROCESSOR_FAILED` for text that is none. */
export function readProgress(json: string): QueryProgress {
  const progress = parseObject(json)
  return toProgress(progress, json)
}

export function toProgress(progress: { readonly [name: string]: unknown }, json: string): QueryProgress {
  const { id, runId, timestamp, batchId, sources, sink } = progress
  const isOne = [id, runId, timestamp].every(each => typeof each === 'string') && typeof batchId === 'number'
  if (!isOne || !Array.isArray(sources) || typeof sink !== 'object') throw unreadable(json)
  // What a query answers, other than what is told of it, has the rows of each source only.
  const rows = (sources as readonly Partial<SourceProgress>[]).map(({ numInputRows = 0 }) => numInputRows)
  const numInputRows = rows.reduce((sum, each) => sum + each, 0)
  // What is empty is left out by some versions.
  const empty = { name: null, batchDuration: 0, numInputRows, durationMs: {}, eventTime: {}, stateOperators: [] }
  return { ...empty, ...progress } as unknown as QueryProgress
}

/** @throws MillraceError `PROCESSOR_FAILED` for text that is no JSON object. */
export function parseObject(json: string): { readonly [name: string]: unknown } {
  try {
    const value = JSON.parse(json) as unknown
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Said below.
  }
  throw unreadable(json)
}

export function unreadable(json: string): MillraceError {
  const start = json.slice(0, 200)
  return new MillraceError('PROCESSOR_FAILED', `Spark told something about a query that cannot be read: ${start}`, {
    retry: 'never',
  })
}
