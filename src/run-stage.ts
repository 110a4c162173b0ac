import { type IngestDeclaration, type IngestResult, type IngestRun, runIngest } from './engine/ingest.ts'
import { defaultStreamLimits } from './engine/limits.ts'
import { runStream } from './engine/stream.ts'
import type { StreamDeclaration } from './engine/stream-batch.ts'
import type { Logger } from './ports/logger.ts'
import type { StageProgress, StageState } from './ports/processor.ts'
import type { Source } from './ports/source.ts'
import type { MillraceError } from './sdk/errors.ts'
import type { Target } from './targets.ts'

export interface StreamStageOptions {
  readonly target: Target
  readonly declaration: StreamDeclaration
  readonly member: string
  readonly logger: Logger
  readonly drain: AbortSignal
  readonly stop: AbortSignal
  readonly onState: (state: StageState, error: MillraceError | null) => void
  readonly onProgress: (progress: StageProgress) => void
}

/** Runs a stream stage on a target's adapters in this thread, until drained or stopped. */
export async function runStreamStage(options: StreamStageOptions): Promise<void> {
  const { target, ...rest } = options
  await runStream({
    ...rest,
    log: await target.log(),
    registry: await target.registry(),
    tables: await target.tables(),
    clock: target.clock,
    random: target.random,
    limits: defaultStreamLimits,
  })
}

export interface IngestStageOptions {
  readonly target: Target
  readonly declaration: IngestDeclaration
  readonly run: IngestRun
  /** Closed when the run ends. */
  readonly source: Source
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly onProgress: (progress: StageProgress, soFar: IngestResult) => void
}

/** Runs one attempt of an ingest stage on a target's adapters. */
export async function runIngestStage(options: IngestStageOptions): Promise<IngestResult> {
  const { target, ...rest } = options
  try {
    return await runIngest({
      ...rest,
      log: await target.log(),
      registry: await target.registry(),
      clock: target.clock,
      random: target.random,
    })
  } finally {
    await options.source.close()
  }
}
