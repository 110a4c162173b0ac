import type { PartitionProgress, StageProgress } from '../../ports/processor.ts'
import type { QueryProgress } from './connect/progress.ts'

/**
 * A batch of a query as a stage tells it; null for one without records. Spark says neither how many bytes it read nor how long
 * decoding took within a batch, so these are 0.
 * @param at milliseconds since 1970 UTC
 */
export function stageProgress(stage: string, progress: QueryProgress, at: number): StageProgress | null {
  const [source] = progress.sources
  const recordsIn = source?.numInputRows ?? 0
  if (source === undefined || recordsIn === 0) return null
  const { metrics = {} } = progress.sink
  const deadLetters = Number(metrics.deadLetters ?? 0)
  const recordsOut = Number(metrics.rows ?? recordsIn - deadLetters)
  const ms = (...steps: readonly string[]) => steps.reduce((sum, step) => sum + (progress.durationMs[step] ?? 0), 0)
  return {
    ...{ stage, at, recordsIn, recordsOut, deadLetters },
    filtered: Math.max(0, recordsIn - recordsOut - deadLetters),
    bytesIn: 0,
    ms: {
      read: ms('latestOffset', 'getBatch'),
      decode: 0,
      transform: ms('queryPlanning'),
      sink: ms('addBatch'),
      commit: ms('walCommit', 'commitOffsets', 'commitBatch'),
    },
    partitions: partitionsOf(
      offsetsIn(source.startOffset),
      offsetsIn(source.endOffset),
      offsetsIn(source.latestOffset),
    ),
  }
}

type Offsets = { readonly [partition: string]: number }

/** Those that moved. */
function partitionsOf(start: Offsets, end: Offsets, latest: Offsets): readonly PartitionProgress[] {
  return Object.entries(end)
    .filter(([partition, next]) => next !== start[partition])
    .map(([partition, committed]) => ({
      partition: Number(partition),
      committed,
      end: Math.max(committed, latest[partition] ?? committed),
    }))
}

/**
 * As Spark's Kafka source writes offsets, of the one topic there is: `{"users_created":{"0":17}}`. Events have that as it is, the
 * progress that a query is asked for has it as text.
 */
function offsetsIn(written: unknown): Offsets {
  const value = typeof written === 'string' ? (JSON.parse(written) as unknown) : written
  if (typeof value !== 'object' || value === null) return {}
  const [offsets] = Object.values(value) as readonly unknown[]
  return typeof offsets === 'object' && offsets !== null ? (offsets as Offsets) : {}
}
