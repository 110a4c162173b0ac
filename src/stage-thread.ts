import { parentPort, threadId, workerData } from 'node:worker_threads'
import type { StageCommand, StageReport } from './ports/processor.ts'
import { loadPipelines, loadProject, targetConfig } from './project.ts'
import { findStage, runStreamStage } from './run-stage.ts'
import { asMillraceError, MillraceError } from './sdk/errors.ts'
import { openTarget } from './targets.ts'

/** What `dev` tells the thread of a stream stage: where its declaration is. */
export type StageThreadData = {
  readonly projectDirectory: string
  readonly pipelineFile: string
  readonly target: string
  readonly statePath: string
  /** `<pipeline>/<stage>`. */
  readonly stage: string
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
  const project = await loadProject(data.projectDirectory)
  const target = await openTarget({
    config: targetConfig(project, data.target),
    statePath: data.statePath,
    projectDirectory: project.directory,
    env: process.env,
  })
  try {
    const { pipeline, stage } = findStage(await loadPipelines(project, [data.pipelineFile]), data.stage)
    if (stage.kind !== 'stream') throw new MillraceError('STAGE_UNKNOWN', `${data.stage} is not a stream stage.`)
    await runStreamStage({
      target,
      pipeline,
      stage,
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
