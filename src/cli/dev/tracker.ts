import type { IngestResult } from '../../engine/ingest.ts'
import { type Plan, type StagePlan, stageId } from '../../plan/plan.ts'
import type { Run, Task } from '../../ports/orchestrator.ts'
import type { StageEvent, StageProgress, StageStatus } from '../../ports/processor.ts'
import type { ErrorReport } from '../../sdk/errors.ts'
import { Meter } from './meter.ts'
import type { DevSnapshot, RunView, SourceView, StageView } from './snapshot.ts'

/** What a tracker is told once. */
export interface DevSession {
  readonly target: string
  readonly statePath: string
  /** Milliseconds since 1970 UTC at which the process started. */
  readonly startedAt: number
}

/** Gathers what the stages and the orchestrator say into what `dev` shows. Does no I/O and reads no clock. */
export class DevTracker {
  readonly #session: DevSession
  readonly #plan: Plan
  readonly #stages: readonly StageTracker[]
  readonly #sources = new Map<string, SourceView>()
  #firstRowMs: number | null = null
  #run: RunView | null = null
  /** When `#run.elapsedMs` was true, and whether it is still growing. */
  #runAt: number | null = null
  #nextRunAt: string | null = null
  #peakRssBytes = 0

  constructor(session: DevSession, plan: Plan, now: number) {
    this.#session = session
    this.#plan = plan
    this.#stages = plan.stages.map(stage => new StageTracker(stage, now))
  }

  /** @param stage the ingest stage it belongs to */
  sourceIs(stage: string, source: SourceView): void {
    this.#sources.set(stage, source)
  }

  scheduleIs(nextRunAt: string | null): void {
    this.#nextRunAt = nextRunAt
  }

  memoryIs(rssBytes: number): void {
    this.#peakRssBytes = Math.max(this.#peakRssBytes, rssBytes)
  }

  /** @param ends of each partition of a topic, by number */
  topicIs(topic: string, ends: ReadonlyMap<number, number>, records: number): void {
    for (const stage of this.#stages) {
      if (stage.plan.kind === 'ingest' && stage.plan.into === topic) stage.total = records
      if (stage.plan.kind === 'stream' && stage.plan.from === topic) stage.ends = ends
    }
  }

  tableIs(table: string, rows: number): void {
    for (const stage of this.#stages) if (stage.plan.kind === 'stream' && stage.plan.into === table) stage.total = rows
  }

  /** Where a stage stands before its first batch of this process. */
  committedIs(stage: string, committed: ReadonlyMap<number, number>): void {
    const tracker = this.#find(stage)
    if (tracker !== undefined) for (const [partition, next] of committed) tracker.committed.set(partition, next)
  }

  stageEvent(event: StageEvent): void {
    if (event.kind === 'state') this.#find(event.status.stage)?.become(event.status)
    else this.#progressed(event.progress)
  }

  /** An attempt began in this process. */
  runIs(task: Pick<Task, 'dag' | 'runId' | 'attempt'>): void {
    const stage = this.#stages.find(({ plan }) => plan.name === task.dag)
    const durationMs = stage?.plan.kind === 'ingest' ? stage.plan.durationMs : null
    const { dag, runId, attempt } = task
    this.#run = { dag, runId, state: 'running', attempt, elapsedMs: 0, durationMs, error: null }
    this.#runAt = null
    if (stage !== undefined) stage.state = 'running'
  }

  /**
   * What the orchestrator says of the run under way, or else of the newest.
   * @param elapsedMs what its newest attempt said at its end; null while none has
   */
  runStands(run: Run, error: ErrorReport | null, elapsedMs: number | null = null): void {
    const known = this.#run?.runId === run.runId && this.#run.dag === run.dag ? this.#run : null
    if (known === null) this.runIs({ dag: run.dag, runId: run.runId, attempt: run.attempts })
    this.#run = { ...this.#run!, state: run.state, attempt: run.attempts, error }
    if (run.state === 'running') return
    this.#run = { ...this.#run, elapsedMs: elapsedMs ?? this.#run.elapsedMs }
    this.#runAt = null
    const stage = this.#stages.find(({ plan }) => plan.name === run.dag)
    if (stage !== undefined) stage.state = 'stopped'
  }

  runProgressed(progress: StageProgress, soFar: IngestResult): void {
    this.#progressed(progress)
    this.runElapsed(soFar.elapsedMs, progress.at)
  }

  /** How long the run has streamed at a moment; it goes on from there until it ends. */
  runElapsed(elapsedMs: number, at: number): void {
    if (this.#run === null) return
    this.#run = { ...this.#run, elapsedMs }
    this.#runAt = at
  }

  snapshot(now: number): DevSnapshot {
    return {
      pipeline: this.#plan.pipeline,
      target: this.#session.target,
      statePath: this.#session.statePath,
      at: now,
      uptimeMs: now - this.#session.startedAt,
      firstRowMs: this.#firstRowMs,
      source: [...this.#sources.values()][0] ?? { address: '', simulated: null },
      stages: this.#stages.map(stage => stage.view(now)),
      run: this.#runView(now),
      nextRunAt: this.#nextRunAt,
      peakRssBytes: this.#peakRssBytes,
    }
  }

  #runView(now: number): RunView | null {
    const run = this.#run
    if (run === null || this.#runAt === null) return run
    const elapsedMs = run.elapsedMs + Math.max(0, now - this.#runAt)
    return { ...run, elapsedMs: run.durationMs === null ? elapsedMs : Math.min(elapsedMs, run.durationMs) }
  }

  #progressed(progress: StageProgress): void {
    const stage = this.#find(progress.stage)
    if (stage === undefined) return
    stage.progressed(progress)
    if (this.#firstRowMs === null && stage.plan.kind === 'stream' && progress.recordsOut > 0) {
      this.#firstRowMs = progress.at - this.#session.startedAt
    }
  }

  #find(stage: string): StageTracker | undefined {
    return this.#stages.find(({ plan }) => stageId(plan) === stage)
  }
}

class StageTracker {
  readonly plan: StagePlan
  readonly committed = new Map<number, number>()
  ends: ReadonlyMap<number, number> = new Map()
  total: number | null = null
  state: StageView['state'] = 'stopped'
  #error: ErrorReport | null = null
  #deadLetters = 0
  readonly #meter: Meter

  constructor(plan: StagePlan, now: number) {
    this.plan = plan
    this.#meter = new Meter(now)
  }

  become(status: StageStatus): void {
    this.state = status.state
    this.#error = status.error
  }

  progressed(progress: StageProgress): void {
    this.#meter.add(progress.recordsOut, progress.at)
    this.#deadLetters += progress.deadLetters
    for (const { partition, committed } of progress.partitions) this.committed.set(partition, committed)
  }

  view(now: number): StageView {
    const { plan } = this
    return {
      name: plan.name,
      kind: plan.kind,
      from: plan.kind === 'ingest' ? plan.source.name : plan.from,
      to: plan.into,
      state: this.state,
      error: this.#error,
      recordsPerSecond: this.#meter.rate(now),
      history: this.#meter.history(now),
      records: this.#meter.total,
      total: this.total,
      deadLetters: this.#deadLetters,
      lag: plan.kind === 'ingest' ? null : this.#lag(),
    }
  }

  /** The ends were read at another moment than the commits, so a stage may briefly be ahead of them. */
  #lag(): number {
    let lag = 0
    for (const [partition, end] of this.ends) lag += Math.max(0, end - (this.committed.get(partition) ?? 0))
    return lag
  }
}
