import { parentPort, threadId, workerData } from 'node:worker_threads'
import type { Plan, StreamPlan } from './plan/plan.ts'
import type { StageCommand, StageReport } from './ports/processor.ts'
import { type LoadedPipeline, loadPipeline } from './project.ts'
import { runStreamStage } from './run-stage.ts'
import type { TargetConfig } from './sdk/config.ts'
import { asMillraceError, MillraceError } from './sdk/errors.ts'
import { findStage, streamDeclaration } from './stages.ts'
import { openTarget } from './targets.ts'

/** What the thread of a stream stage is told. */
export type StageThreadData = {
  /** `<pipeline>/<stage>`. */
  readonly stage: string
  readonly plan: Plan
  readonly pipelineFile: string
  readonly config: TargetConfig
  readonly statePath: string
  /** The project's directory. */
  readonly project: string
}

const port = parentPort
if (port === null) throw new Error('stage-thread runs only as a worker thread.')
const tell = (event: StageReport) => port.postMessage(event)
const drain = new AbortController()
const stop = new AbortController()
port.on('message', ({ kind }: StageCommand) => (kind === 'drain' ? drain : stop).abort())

try {
  await run(workerData as StageThreadData)
} catch (thrown) {
  tell({ kind: 'state', state: 'failed', error: asMillraceError(thrown, 'STAGE_FAILED').toJSON() })
} finally {
  port.close()
}

async function run(data: StageThreadData): Promise<void> {
  const { config, statePath } = data
  const { pipeline, stage } = findStage([await pipelineOf(data)], data.stage)
  if (stage.kind !== 'stream') throw new MillraceError('STAGE_UNKNOWN', `${data.stage} is not a stream stage.`)
  const target = await openTarget({ config, statePath, projectDirectory: data.project, env: process.env })
  try {
    await runStreamStage({
      target,
      declaration: streamDeclaration(pipeline, stage),
      member: `${process.pid}.${threadId}`,
      logger: target.stageLogger(stage.name),
      drain: drain.signal,
      stop: stop.signal,
      onState: (state, error) => tell({ kind: 'state', state, error: error?.toJSON() ?? null }),
      onProgress: progress => tell({ kind: 'progress', progress }),
    })
  } finally {
    await target.close()
  }
}

/** The plan says all of it but the functions given to `map`: only for them is the file, and with it TypeScript, loaded again. */
async function pipelineOf({ plan, pipelineFile, stage }: StageThreadData): Promise<LoadedPipeline> {
  const name = stage.slice(plan.pipeline.length + 1)
  const planned = plan.stages.find((each): each is StreamPlan => each.kind === 'stream' && each.name === name)
  if (planned === undefined || planned.map !== null) return loadPipeline(pipelineFile)
  return { file: pipelineFile, declaration: { name: plan.pipeline, stages: [] }, plan }
}
