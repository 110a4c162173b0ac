import { readPositions } from '../../engine/stage-position.ts'
import { type Plan, stageId, tableId } from '../../plan/plan.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Orchestrator } from '../../ports/orchestrator.ts'
import type { TableStore } from '../../ports/table.ts'
import type { Json } from '../../sdk/json.ts'
import type { DevTracker } from './tracker.ts'

export interface RefreshOptions {
  readonly plan: Plan
  readonly log: Log
  readonly tables: TableStore
  readonly orchestrator: Orchestrator
  readonly tracker: DevTracker
  readonly clock: Clock
}

/** How often lag, runs and memory are looked at, in milliseconds. */
const intervalMs = 1_000

/** Counting the rows of a table may take at most this share of the time: a large table is counted less often. */
const countingShare = 0.02

/**
 * Looks once a second at what no stage reports: ends of topics, rows in tables, the newest run, memory. Returns how to stop,
 * which looks a last time, so that the tracker ends with what there is.
 * What fails is left as it was: the stages report failures of the same systems, with their reasons.
 */
export function keepFresh(options: RefreshOptions): () => Promise<void> {
  const { plan, tracker, clock } = options
  const nextCount = new Map<string, number>()
  let looking: Promise<void> | null = null

  const countRows = async (last: boolean) => {
    for (const table of plan.tables) {
      const id = tableId(table)
      const started = clock.elapsed()
      if (!last && started < (nextCount.get(id) ?? 0)) continue
      tracker.tableIs(id, (await options.tables.admin.count(table)).rows)
      const took = clock.elapsed() - started
      nextCount.set(id, clock.elapsed() + took / countingShare)
    }
  }
  const look = async (last: boolean) => {
    try {
      tracker.memoryIs(process.memoryUsage.rss())
      await refreshTopics(options)
      await refreshRuns(options)
      await countRows(last)
    } catch {
      // See above.
    }
  }
  const refresh = () => {
    looking ??= look(false).finally(() => {
      looking = null
    })
  }

  void committedSoFar(options)
    .catch(() => {})
    .then(refresh)
  const timer = setInterval(refresh, intervalMs)
  return async () => {
    clearInterval(timer)
    await looking
    await look(true)
  }
}

async function refreshTopics({ plan, log, tracker }: RefreshOptions): Promise<void> {
  for (const { name } of plan.topics) {
    const ranges = await log.admin.ranges(name)
    const records = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
    tracker.topicIs(name, new Map(ranges.map(({ partition, end }) => [partition, end])), records)
  }
}

async function refreshRuns({ plan, orchestrator, tracker }: RefreshOptions): Promise<void> {
  for (const { id } of plan.dags) {
    // One that is only queued behind it would hide the run that is under way.
    const [running] = (await orchestrator.admin.runs({ dag: id, state: 'running', limit: 1 })).items
    const run = running ?? (await orchestrator.admin.runs({ dag: id, limit: 1 })).items[0]
    if (run !== undefined) {
      const [attempt] = await orchestrator.admin.attempts(id, run.runId, { limit: 1 })
      tracker.runStands(run, attempt?.error ?? null, elapsedOf(attempt?.result ?? null))
    }
  }
  const dags = (await orchestrator.admin.dags()).items.filter(dag => plan.dags.some(({ id }) => id === dag.plan.id))
  tracker.scheduleIs(dags.map(dag => dag.nextRunAt).sort()[0] ?? null)
}

/** An attempt that ended gives back how long its run has streamed. */
function elapsedOf(result: Json): number | null {
  const given = typeof result === 'object' && result !== null && 'elapsedMs' in result ? result.elapsedMs : null
  return typeof given === 'number' ? given : null
}

async function committedSoFar({ plan, log, tables, tracker }: RefreshOptions): Promise<void> {
  for (const stage of plan.stages) {
    if (stage.kind !== 'stream') continue
    const table = plan.tables.find(each => tableId(each) === stage.into)
    if (table === undefined) continue
    const positions = await readPositions(stage, table, { log, tables })
    tracker.committedIs(stageId(stage), new Map([...positions].map(([partition, { next }]) => [partition, next])))
  }
}
