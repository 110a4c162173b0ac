import { runIngest, type IngestDeclaration, type IngestResult, type IngestRun } from './engine/ingest.ts'
import { defaultStreamLimits } from './engine/limits.ts'
import type { ReplayStage } from './engine/replay.ts'
import { runStream } from './engine/stream.ts'
import type { StreamDeclaration } from './engine/stream-batch.ts'
import type { MapFunction } from './engine/transform.ts'
import { type IngestPlan, type StagePlan, type StreamPlan, stageId, tableId, type TopicPlan } from './plan/plan.ts'
import type { Logger } from './ports/logger.ts'
import type { StageProgress, StageState } from './ports/processor.ts'
import type { Source } from './ports/source.ts'
import { MillraceError } from './sdk/errors.ts'
import type { LoadedPipeline } from './project.ts'
import type { Target } from './targets.ts'

/** A stage by its address `<pipeline>/<stage>`. @throws MillraceError `STAGE_UNKNOWN`. */
export function findStage(pipelines: readonly LoadedPipeline[], address: string): { pipeline: LoadedPipeline; stage: StagePlan } {
  for (const pipeline of pipelines) {
    for (const stage of pipeline.plan.stages) if (stageId(stage) === address) return { pipeline, stage }
  }
  const known = pipelines.flatMap(({ plan }) => plan.stages.map(stageId))
  throw new MillraceError('STAGE_UNKNOWN', `There is no stage ${address}.`, { fix: `Use one of: ${known.join(', ')}.` })
}

export interface StreamStageOptions {
  readonly target: Target
  readonly pipeline: LoadedPipeline
  readonly stage: StreamPlan
  readonly member: string
  readonly logger: Logger
  readonly drain: AbortSignal
  readonly stop: AbortSignal
  readonly onState: (state: StageState, error: MillraceError | null) => void
  readonly onProgress: (progress: StageProgress) => void
}

/** Runs a stream stage on a target's adapters in this thread, until drained or stopped. */
export async function runStreamStage(options: StreamStageOptions): Promise<void> {
  const { target, pipeline, stage, ...rest } = options
  await runStream({
    ...rest,
    declaration: streamDeclaration(pipeline, stage),
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
  readonly pipeline: LoadedPipeline
  readonly stage: IngestPlan
  readonly run: IngestRun
  /** Closed when the run ends. */
  readonly source: Source
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly onProgress: (progress: StageProgress, soFar: IngestResult) => void
}

/** Runs one attempt of an ingest stage on a target's adapters. */
export async function runIngestStage(options: IngestStageOptions): Promise<IngestResult> {
  const { target, pipeline, stage, ...rest } = options
  try {
    return await runIngest({
      ...rest,
      declaration: ingestDeclaration(pipeline, stage),
      log: await target.log(),
      registry: await target.registry(),
      clock: target.clock,
    })
  } finally {
    await options.source.close()
  }
}

/** A stage as a replay of its dead letters needs it. @throws MillraceError `STAGE_UNKNOWN`. */
export function stageDeclaration(pipelines: readonly LoadedPipeline[], address: string): ReplayStage {
  const { pipeline, stage } = findStage(pipelines, address)
  return stage.kind === 'ingest'
    ? { kind: 'ingest', declaration: ingestDeclaration(pipeline, stage) }
    : { kind: 'stream', declaration: streamDeclaration(pipeline, stage) }
}

function ingestDeclaration(pipeline: LoadedPipeline, stage: IngestPlan): IngestDeclaration {
  return { stage, topic: findTopic(pipeline, stage.into), map: findMap(pipeline, stage) }
}

function streamDeclaration(pipeline: LoadedPipeline, stage: StreamPlan): StreamDeclaration {
  const table = pipeline.plan.tables.find(each => tableId(each) === stage.into)
  if (table === undefined) throw new MillraceError('INVARIANT_BROKEN', `The plan has no table ${stage.into}.`)
  return { stage, topic: findTopic(pipeline, stage.from), table, map: findMap(pipeline, stage) }
}

function findTopic(pipeline: LoadedPipeline, name: string): TopicPlan {
  const topic = pipeline.plan.topics.find(each => each.name === name)
  if (topic === undefined) throw new MillraceError('INVARIANT_BROKEN', `The plan has no topic ${name}.`)
  return topic
}

/** The plan says that a stage maps; the function itself is only in the pipeline file. */
function findMap(pipeline: LoadedPipeline, stage: StagePlan): MapFunction | null {
  return pipeline.declaration.stages.find(each => each.name === stage.name)?.map ?? null
}
