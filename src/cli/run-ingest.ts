import type { IngestResult } from '../engine/ingest.ts'
import type { IngestPlan } from '../plan/plan.ts'
import type { TaskExit } from '../ports/orchestrator.ts'
import { runIngestStage } from '../run-stage.ts'
import { MillraceError } from '../sdk/errors.ts'
import { ingestDeclaration } from '../stages.ts'
import { requireApplied } from './applied.ts'
import { ProgressLines, type SoFar, stderrLogger } from './progress-lines.ts'
import { failedExit, type StageRun } from './stage-run.ts'
import { countOf } from './text.ts'

/** One attempt of a run. Only ever from the declared source: where that does not answer, the attempt fails. */
export async function runIngestAttempt(run: StageRun<IngestPlan>): Promise<TaskExit> {
  const { session, context, pipeline, options } = run
  const { target } = session
  const { attempt } = options
  if (attempt > 1 && options.logicalDate === undefined) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `Attempt ${attempt} goes on with a run, and its logical date is missing.`,
      {
        place: '--attempt',
        fix: 'Give --logical-date as the first attempt had it.',
      },
    )
  }
  const logicalDate = options.logicalDate ?? new Date(target.clock.now()).toISOString()
  const runId = options.runId ?? `manual__${logicalDate}`
  const stage = { ...run.stage, durationMs: options.duration ?? run.stage.durationMs }
  const facts = { runId, attempt, logicalDate }
  await context.stderr.line(`${runId}, attempt ${attempt}: ${stage.source.name} → ${stage.into}`)

  const lines = new ProgressLines(context, session.options.json, target.clock)
  let soFar: IngestResult | null = null
  try {
    await requireApplied(pipeline.plan, target)
    const result = await runIngestStage({
      target,
      declaration: ingestDeclaration(pipeline, stage),
      run: {
        ...facts,
        continues: attempt > 1 && (options.cleared ? 'unless-finished' : true),
        interval: options.interval ?? { start: logicalDate, end: logicalDate },
      },
      source: await target.source(stage.source),
      logger: stderrLogger(context),
      signal: context.signal,
      onProgress(_, current) {
        soFar = current
        lines.show(() => describe(current))
      },
    })
    return { kind: 'done', result: { ...facts, ...result } }
  } catch (thrown) {
    if (!context.signal.aborted) return failedExit(thrown, { ...facts, ...(soFar ?? {}) })
    const error = new MillraceError('RUN_CANCELLED', 'The attempt was interrupted.', {
      fix: `To go on with this run, add: --logical-date ${logicalDate} --attempt ${attempt + 1}`,
      retry: 'later',
      cause: thrown,
    })
    return failedExit(error, { ...facts, ...(soFar ?? {}) })
  }
}

function describe(result: IngestResult): SoFar {
  const left = result.filtered === 0 ? [] : [`${countOf(result.filtered, 'record')} left out`]
  return {
    records: result.appended,
    deadLetters: result.deadLetters,
    facts: [countOf(result.pages, 'page'), ...left],
    totals: { ...result },
  }
}
