import { hostname } from 'node:os'
import { persist } from '../engine/backoff.ts'
import { defaultStreamLimits } from '../engine/limits.ts'
import { untilCaughtUp } from '../engine/stage-position.ts'
import { type StreamPlan, stageId, tableId } from '../plan/plan.ts'
import type { Logger } from '../ports/logger.ts'
import type { TaskExit } from '../ports/orchestrator.ts'
import type { StageProgress, StageState } from '../ports/processor.ts'
import { targetConfig } from '../project.ts'
import { runStreamStage } from '../run-stage.ts'
import { MillraceError } from '../sdk/errors.ts'
import { streamDeclaration } from '../stages.ts'
import { planRefusals } from '../targets.ts'
import { requireApplied } from './applied.ts'
import { followStage } from './follow-stage.ts'
import { bothLoggers, ProgressLines, type SoFar, stderrLogger } from './progress-lines.ts'
import { failedExit, type StageRun } from './stage-run.ts'
import { StateLines } from './state-lines.ts'
import { streamStages } from './stream-stages.ts'
import { countOf, formatCount, formatElapsed } from './text.ts'

/** Runs a stream stage until it is told to stop or, if asked for, until nothing is left to do. */
export async function runStreamUntilEnd(run: StageRun<StreamPlan>): Promise<TaskExit> {
  const { session, context, pipeline, stage, options } = run
  const { target } = session
  const lines = new ProgressLines(context, session.options.json, target.clock)
  const totals = new StreamTotals()
  const drain = new AbortController()
  const stop = new AbortController()
  const ended = new AbortController()
  const startDraining = () => {
    drain.abort()
    const overdue = () => stop.abort()
    target.clock.sleep(options.drainTimeout, ended.signal).then(overdue, () => {})
  }
  context.signal.addEventListener('abort', startDraining, { once: true })
  await context.stderr.line(`${stage.from} → ${stage.into}, group ${stage.group}; Ctrl-C drains and ends.`)
  const logger = bothLoggers(target.stageLogger(stage.name), stderrLogger(context))
  const states = new StateLines(context, session.options.json)
  try {
    for (const refusal of await planRefusals(targetConfig(session.project, session.targetName), pipeline.plan)) {
      throw refusal
    }
    if (!(await whenApplied(run, logger, states, drain.signal))) return { kind: 'done', result: { ...totals.all } }
    const watched = {
      drain: drain.signal,
      stop: stop.signal,
      onState: (state: StageState, error: MillraceError | null) => states.show(state, error),
      onProgress(progress: StageProgress) {
        totals.add(progress)
        lines.show(() => totals.describe())
      },
    }
    const running = target.runsStagesHere
      ? runStreamStage({
          ...{ ...watched, target, logger, member: `${hostname()}.${process.pid}` },
          declaration: streamDeclaration(pipeline, stage),
        })
      : followStage(await target.processor(streamStages(session, [pipeline])), stageId(stage), {
          ...{ ...watched, drainMs: options.drainTimeout, logger: stderrLogger(context) },
        })
    if (options.untilCaughtUp) {
      const watching = AbortSignal.any([ended.signal, drain.signal])
      // A failure of the stage ends the watching, and is what is reported.
      whenCaughtUp(run, watching).then(startDraining, () => {})
    }
    await running
    if (stop.signal.aborted) return failedExit(notDrained(options.drainTimeout), { ...totals.all })
    return { kind: 'done', result: { ...totals.all } }
  } catch (thrown) {
    return failedExit(thrown, { ...totals.all })
  } finally {
    ended.abort()
    context.signal.removeEventListener('abort', startDraining)
  }
}

/** Waits for the systems of the target to answer. False if the stage was told to stop before. */
async function whenApplied(
  { session, pipeline }: StageRun<StreamPlan>,
  logger: Logger,
  states: StateLines,
  signal: AbortSignal,
): Promise<boolean> {
  const { target } = session
  const { clock, random } = target
  let waiting = false
  try {
    await persist(() => requireApplied(pipeline.plan, target), {
      ...{ backoff: defaultStreamLimits.backoff, clock, random, signal },
      onFailure(error) {
        if (!waiting) logger.log('warn', `Waiting: ${error.message}`, { code: error.code })
        waiting = true
        states.show('paused', error)
      },
    })
    return true
  } catch (thrown) {
    if (signal.aborted) return false
    throw thrown
  }
}

function notDrained(drainTimeoutMs: number): MillraceError {
  return new MillraceError('STAGE_FAILED', `Draining took longer than ${formatElapsed(drainTimeoutMs)}.`, {
    retry: 'later',
    fix: 'Nothing is lost: the next start goes on. Raise --drain-timeout if it is to finish.',
  })
}

async function whenCaughtUp({ session, pipeline, stage }: StageRun<StreamPlan>, signal: AbortSignal): Promise<void> {
  const { target } = session
  const table = pipeline.plan.tables.find(each => tableId(each) === stage.into)
  if (table === undefined) throw new MillraceError('INVARIANT_BROKEN', `The plan has no table ${stage.into}.`)
  const { clock, random } = target
  const ports = { log: await target.log(), tables: await target.tables() }
  await untilCaughtUp(stage, table, ports, { clock, random, signal })
}

class StreamTotals {
  readonly all = { records: 0, rows: 0, deadLetters: 0, filtered: 0 }
  readonly #lags = new Map<number, number>()

  add(progress: StageProgress): void {
    this.all.records += progress.recordsIn
    this.all.rows += progress.recordsOut
    this.all.deadLetters += progress.deadLetters
    this.all.filtered += progress.filtered
    for (const { partition, committed, end } of progress.partitions) this.#lags.set(partition, end - committed)
  }

  describe(): SoFar {
    const lag = [...this.#lags.values()].reduce((sum, each) => sum + each, 0)
    const left = this.all.filtered === 0 ? [] : [`${countOf(this.all.filtered, 'record')} left out`]
    return {
      records: this.all.records,
      deadLetters: this.all.deadLetters,
      facts: [`lag ${formatCount(lag)}`, ...left],
      totals: { ...this.all, lag },
    }
  }
}
