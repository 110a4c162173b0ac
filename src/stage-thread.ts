import { parentPort, threadId, workerData } from 'node:worker_threads'
import type { FromStageThread, ToStageThread } from './adapters/embedded/processor.ts'
import { openStateDirectory } from './adapters/embedded/state-directory.ts'
import { fileLogger } from './adapters/system/file-logger.ts'
import { loadPipelines, loadProject, targetConfig } from './project.ts'
import { findStage, runStreamStage } from './run-stage.ts'
import { asMillraceError } from './sdk/errors.ts'
import { Target } from './targets.ts'

/** What `dev` tells the thread of a stream stage: where its declaration is. */
export interface StageThreadData {
  readonly projectDirectory: string
  readonly pipelineFile: string
  readonly target: string
  readonly statePath: string
  /** `<pipeline>/<stage>`. */
  readonly stage: string
}

const port = parentPort
if (port === null) throw new Error('stage-thread runs only as a worker thread.')
const tell = (event: FromStageThread) => port.postMessage(event)
const drain = new AbortController()
const stop = new AbortController()
port.on('message', ({ kind }: ToStageThread) => (kind === 'drain' ? drain : stop).abort())

try {
  await run(workerData as StageThreadData)
} catch (thrown) {
  tell({ kind: 'state', state: 'failed', error: asMillraceError(thrown, 'STAGE_FAILED').toJSON() })
} finally {
  port.close()
}

async function run(data: StageThreadData): Promise<void> {
  const project = await loadProject(data.projectDirectory)
  const state = await openStateDirectory(data.statePath, { mode: 'shared' })
  const config = targetConfig(project, data.target)
  const target = new Target({ config, state, projectDirectory: project.directory, env: process.env })
  const { pipeline, stage } = findStage(await loadPipelines(project, [data.pipelineFile]), data.stage)
  if (stage.kind !== 'stream') throw new Error(`${data.stage} is not a stream stage.`)
  const logger = fileLogger(state.logsDirectory, stage.name, target.clock)
  try {
    await runStreamStage({
      target,
      pipeline,
      stage,
      member: `${process.pid}.${threadId}`,
      logger,
      drain: drain.signal,
      stop: stop.signal,
      onState: (state, error) => tell({ kind: 'state', state, error: error?.toJSON() ?? null }),
      onProgress: progress => tell({ kind: 'progress', progress }),
    })
  } finally {
    await target.close()
    await state.close()
  }
}
