import { stageId } from '../plan/plan.ts'
import { type LoadedPipeline, type Project, targetConfig } from '../project.ts'
import type { StageThreadData } from '../stage-thread.ts'

/** The project and the target that stages belong to. */
interface Place {
  readonly project: Project
  readonly targetName: string
  /** Absolute. */
  readonly statePath: string
}

/** The stream stages of pipelines by `<pipeline>/<stage>`, as a target's processor takes them. */
export function streamStages(
  { project, targetName, statePath }: Place,
  pipelines: readonly LoadedPipeline[],
): { readonly [stage: string]: StageThreadData } {
  const config = targetConfig(project, targetName)
  const entries = pipelines.flatMap(({ file, plan }) =>
    plan.stages
      .filter(stage => stage.kind === 'stream')
      .map(stage => {
        const data = { stage: stageId(stage), plan, pipelineFile: file, config, statePath, project: project.directory }
        return [data.stage, data] as const
      }),
  )
  return Object.fromEntries(entries)
}
