import type { IngestDeclaration } from './engine/ingest.ts'
import type { ReplayStage } from './engine/replay.ts'
import type { StreamDeclaration } from './engine/stream-batch.ts'
import type { MapFunction } from './engine/transform.ts'
import { type IngestPlan, type StagePlan, type StreamPlan, stageId, type TopicPlan, tableId } from './plan/plan.ts'
import type { LoadedPipeline } from './project.ts'
import { MillraceError } from './sdk/errors.ts'

/** A stage by its address `<pipeline>/<stage>`. @throws MillraceError `STAGE_UNKNOWN`. */
export function findStage(
  pipelines: readonly LoadedPipeline[],
  address: string,
): { pipeline: LoadedPipeline; stage: StagePlan } {
  for (const pipeline of pipelines) {
    for (const stage of pipeline.plan.stages) if (stageId(stage) === address) return { pipeline, stage }
  }
  const known = pipelines.flatMap(({ plan }) => plan.stages.map(stageId))
  throw new MillraceError('STAGE_UNKNOWN', `There is no stage ${address}.`, { fix: `Use one of: ${known.join(', ')}.` })
}

/** A stage as a replay of its dead letters needs it. @throws MillraceError `STAGE_UNKNOWN`. */
export function stageDeclaration(pipelines: readonly LoadedPipeline[], address: string): ReplayStage {
  const { pipeline, stage } = findStage(pipelines, address)
  return stage.kind === 'ingest'
    ? { kind: 'ingest', declaration: ingestDeclaration(pipeline, stage) }
    : { kind: 'stream', declaration: streamDeclaration(pipeline, stage) }
}

export function ingestDeclaration(pipeline: LoadedPipeline, stage: IngestPlan): IngestDeclaration {
  return { stage, topic: findTopic(pipeline, stage.into), map: findMap(pipeline, stage) }
}

export function streamDeclaration(pipeline: LoadedPipeline, stage: StreamPlan): StreamDeclaration {
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
