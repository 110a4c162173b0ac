import { applyPlan } from '../../engine/deploy.ts'
import { type DagPlan, type IngestPlan, stageId } from '../../plan/plan.ts'
import type { Orchestrator, Task, TaskExit } from '../../ports/orchestrator.ts'
import type { Processor } from '../../ports/processor.ts'
import type { LoadedPipeline, Project } from '../../project.ts'
import { runIngestStage } from '../../run-stage.ts'
import { asMillraceError, MillraceError } from '../../sdk/errors.ts'
import { ingestDeclaration } from '../../stages.ts'
import type { Target } from '../../targets.ts'
import { streamStages } from '../stream-stages.ts'
import { keepFresh } from './refresh.ts'
import { type ChosenSource, chooseSource } from './stand-in.ts'
import { DevTracker } from './tracker.ts'

export interface DevOptions {
  readonly project: Project
  readonly pipeline: LoadedPipeline
  readonly target: Target
  readonly targetName: string
  readonly statePath: string
  /** Records per second in place of the declared pace; null for as fast as they are processed. */
  readonly recordsPerSecond: number | null | undefined
  readonly env: NodeJS.ProcessEnv
  /** Ends everything in order: the run is given back, the stages drain. */
  readonly signal: AbortSignal
}

/** How long stages may take to finish what they have in hand, in milliseconds. */
const drainMs = 10_000

/** A running `dev`. */
export interface Dev {
  readonly tracker: DevTracker
  /** Queues a run of every DAG of the pipeline. */
  trigger(): Promise<void>
  /** Resolves when everything has ended in order; rejects with what made it impossible to go on. */
  readonly ended: Promise<void>
}

/** Creates what is missing, starts every stage, and serves the pipeline's schedule in this process. */
export async function startDev(options: DevOptions): Promise<Dev> {
  const { pipeline, target, signal } = options
  const { plan } = pipeline
  const [log, registry, tables, orchestrator] = await Promise.all([
    target.log(),
    target.registry(),
    target.tables(),
    target.orchestrator(),
  ])
  const processor = await target.processor(streamStages(options, [pipeline]))
  for (const refusal of processor.refuses(plan)) throw refusal
  await applyPlan(plan, { log, registry, tables, orchestrator })

  const session = { target: options.targetName, statePath: options.statePath, startedAt: performance.timeOrigin }
  const tracker = new DevTracker(session, plan, target.clock.now())
  processor.watch(event => tracker.stageEvent(event))

  const ingests = plan.stages.filter(stage => stage.kind === 'ingest')
  const [sources] = await Promise.all([chooseSources(options, ingests, tracker), startStages(options, processor)])
  const tasks = Object.fromEntries(
    ingests.map(stage => [
      stage.name,
      (task: Task) => runTask(options, stage, sources.get(stage.name)!, task, tracker),
    ]),
  )
  const stopRefreshing = keepFresh({ plan, log, tables, orchestrator, tracker, clock: target.clock })
  const ended = orchestrator
    .serve(tasks, signal)
    .finally(() => leaveStages(options, processor))
    .finally(stopRefreshing)
  return { tracker, trigger: () => triggerAll(orchestrator, plan.dags), ended }
}

async function chooseSources(options: DevOptions, ingests: readonly IngestPlan[], tracker: DevTracker) {
  const { target, recordsPerSecond, env, signal } = options
  const sources = new Map<string, ChosenSource>()
  for (const stage of ingests) {
    const chosen = await chooseSource({ target, node: stage.source, recordsPerSecond, env, signal })
    tracker.sourceIs(stage.name, chosen.view)
    sources.set(stage.name, chosen)
  }
  return sources
}

async function startStages({ pipeline }: DevOptions, processor: Processor): Promise<void> {
  for (const stage of pipeline.plan.stages) if (stage.kind === 'stream') await processor.start(stageId(stage))
}

async function leaveStages({ pipeline }: DevOptions, processor: Processor): Promise<void> {
  const streams = pipeline.plan.stages.filter(stage => stage.kind === 'stream')
  await Promise.all(streams.map(stage => processor.leave(stageId(stage), drainMs)))
}

/** One attempt of a run, in this process. */
async function runTask(
  options: DevOptions,
  stage: IngestPlan,
  chosen: ChosenSource,
  task: Task,
  tracker: DevTracker,
): Promise<TaskExit> {
  const { pipeline, target, env } = options
  if (chosen.view.simulated !== null) {
    task.note(`Simulated data: ${chosen.view.simulated}`)
    task.logger.log('warn', chosen.view.simulated)
  }
  tracker.runIs(task)
  let result: TaskExit['result'] = null
  try {
    const done = await runIngestStage({
      target,
      declaration: ingestDeclaration(pipeline, stage),
      run: task,
      source: await target.source(chosen.node, chosen.env ?? env),
      logger: task.logger,
      signal: task.signal,
      onProgress(progress, soFar) {
        result = { ...soFar }
        tracker.runProgressed(progress, soFar)
      },
    })
    return { kind: 'done', result: { ...done } }
  } catch (thrown) {
    if (task.signal.aborted) throw thrown
    const error = asMillraceError(thrown)
    return { kind: error.retry === 'never' ? 'never' : 'retry', error: error.toJSON(), result }
  }
}

/** Two presses within a millisecond would ask for one logical date: the second one's run is the first's. */
async function triggerAll(orchestrator: Orchestrator, dags: readonly DagPlan[]): Promise<void> {
  for (const dag of dags) {
    await orchestrator.trigger(dag.id).catch(thrown => {
      if (!(thrown instanceof MillraceError && thrown.code === 'RUN_EXISTS')) throw thrown
    })
  }
}
