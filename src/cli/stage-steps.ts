import type { Step } from '../plan/diff.ts'
import { type Plan, stageId } from '../plan/plan.ts'
import type { Deployment, Processor } from '../ports/processor.ts'
import { type LoadedPipeline, targetConfig } from '../project.ts'
import type { TargetConfig } from '../sdk/config.ts'
import type { ErrorReport } from '../sdk/errors.ts'
import { planRefusals } from '../targets.ts'
import type { Session } from './session.ts'
import { streamStages } from './stream-stages.ts'

const actions = { start: 'create', restart: 'change', keep: 'keep' } as const satisfies Record<
  Deployment,
  Step['action']
>

const details: { readonly [D in Deployment]: readonly string[] } = {
  start: ['goes on by itself'],
  restart: ['with what is declared now'],
  keep: [],
}

/** What applying does with the stream stages of a plan; nothing on a target where they run in processes of ours. */
export async function plannedStages(
  session: Session,
  pipelines: readonly LoadedPipeline[],
  plan: Plan,
): Promise<readonly Step[]> {
  const refused = await refusedStages(targetConfig(session.project, session.targetName), plan)
  if (refused.length > 0 || session.target.runsStagesHere) return refused
  const processor = await session.target.processor(streamStages(session, pipelines))
  return stepsOf(plan, async stage => {
    const deployment = await processor.deployment(stage)
    // Asked after it: a stage that fails in between is not one that is to be started for no reason.
    return { deployment, failure: await failureOf(processor, stage) }
  })
}

/** The same where nothing has been deployed. */
export async function newStages(config: TargetConfig, plan: Plan): Promise<readonly Step[]> {
  const refused = await refusedStages(config, plan)
  if (refused.length > 0 || config.processor.adapter === 'embedded') return refused
  return stepsOf(plan, async () => ({ deployment: 'start', failure: null }))
}

/** Has the stream stages run as declared, where they can without a process of ours. @throws MillraceError as `deploy`. */
export async function deployStages(
  { target, ...session }: Session,
  pipelines: readonly LoadedPipeline[],
  plan: Plan,
): Promise<readonly Step[]> {
  if (target.runsStagesHere) return []
  const processor = await target.processor(streamStages(session, pipelines))
  return stepsOf(plan, async stage => ({
    failure: await failureOf(processor, stage),
    deployment: await processor.deploy(stage),
  }))
}

interface StageDeployment {
  readonly deployment: Deployment | null
  /** Why it had ended before. */
  readonly failure: ErrorReport | null
}

async function failureOf(processor: Processor, stage: string): Promise<ErrorReport | null> {
  const { state, error } = await processor.status(stage)
  return state === 'failed' ? error : null
}

async function stepsOf(plan: Plan, ask: (stage: string) => Promise<StageDeployment>): Promise<readonly Step[]> {
  const steps: Step[] = []
  for (const stage of plan.stages) {
    if (stage.kind !== 'stream') continue
    const name = stageId(stage)
    const { deployment, failure } = await ask(name)
    if (deployment === null) continue
    const [reason = ''] = failure === null ? [] : failure.message.split('\n', 1)
    const had = failure === null ? [] : [`had failed with ${failure.code}: ${reason.replace(/\.$/, '')}`]
    steps.push({ action: actions[deployment], kind: 'stage', name, details: [...had, ...details[deployment]] })
  }
  return steps
}

async function refusedStages(config: TargetConfig, plan: Plan): Promise<readonly Step[]> {
  return (await planRefusals(config, plan)).map(error => ({
    ...({
      action: 'refuse',
      kind: 'stage',
      name: error.place ?? plan.pipeline,
      details: [error.message],
      error,
    } as const),
  }))
}
