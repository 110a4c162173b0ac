import type { Clock, Random } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import {
  type Deployment,
  type StageEvent,
  type StageProgress,
  type StageState,
  type StageStatus,
  stageTransitions,
} from '../../ports/processor.ts'
import { asMillraceError, type ErrorReport, fromReport } from '../../sdk/errors.ts'
import { Backoff } from './connect/backoff.ts'
import { SparkError } from './connect/errors.ts'
import type { QueryProgress } from './connect/progress.ts'
import type { StreamingQuery } from './connect/queries.ts'
import { QueryWatch } from './query-watch.ts'
import type { StageControl } from './stage-control.ts'
import { stageFailure, unknownSchema } from './stage-failure.ts'
import { stageProgress } from './stage-progress.ts'

export interface SparkStageOptions {
  readonly name: string
  readonly control: StageControl
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly emit: (event: StageEvent) => void
}

/** Spark says at least every 10 s that it has nothing to do; after this many milliseconds something is wrong. */
const silenceMs = 12_000

/** How long Spark may take to say that a query it stopped has ended, in milliseconds. */
const goodbyeMs = 5_000

/** How long it may take from the end of a run to the one that replaces it, in milliseconds. */
const replacementMs = 1_000

/** How long answers about a stage that nobody follows here may take, in milliseconds. */
const lookMs = 5_000

/** A stage as this process follows it: what its query does becomes states and progress, and a query that fails is started again. */
export class SparkStage {
  readonly #options: SparkStageOptions
  #status: StageStatus
  /** Resolves once the stage that is started here runs, waits for something, or has failed; null when none is. */
  #started: Promise<void> | null = null
  /** Resolves when it is followed no more. */
  #over: Promise<void> = Promise.resolve()
  #following = new AbortController()
  #query: StreamingQuery | null = null
  /** When its query last said something. */
  #heardAt = 0
  /** Whether it was told to end, so that its end is no failure. */
  #ending = false

  constructor(options: SparkStageOptions) {
    this.#options = options
    this.#status = { stage: options.name, state: 'stopped', error: null, progress: null }
  }

  async start(): Promise<void> {
    if (this.#ending) await this.#over
    this.#started ??= this.#begin()
    await this.#started
  }

  /** What `deploy` would do. */
  deployment(): Promise<Deployment> {
    return this.#look(signal => this.#planned(signal))
  }

  async deploy(): Promise<Deployment> {
    const { control } = this.#options
    const { signal } = new AbortController()
    try {
      const planned = await this.#planned(signal)
      const schema = planned === 'start' ? unknownSchema(await control.failure(signal)) : null
      if (schema !== null) control.learn(schema)
      // Its session is not the one that a changed declaration runs in.
      if (!this.#isFollowed) await control.close()
      const { isNew } = await control.ensure(await control.open(signal), signal, true)
      return isNew && planned === 'keep' ? 'start' : planned
    } finally {
      if (!this.#isFollowed) await control.close()
    }
  }

  async #planned(signal: AbortSignal): Promise<Deployment> {
    const { control } = this.#options
    if ((await control.recorded(signal)) === null) return 'start'
    return control.isAsDeclared ? 'keep' : 'restart'
  }

  /** Follows it no more; what was not deployed is drained. */
  async leave(deadlineMs: number): Promise<void> {
    if (this.#options.control.record?.deployed !== true) return this.drain(deadlineMs)
    if (this.#isFollowed) await this.#endFollowing(async () => {})
  }

  async drain(deadlineMs: number): Promise<void> {
    if (this.#isFollowed) this.#enter('draining', null)
    await this.#end(deadlineMs)
  }

  async stop(): Promise<void> {
    await this.#end(0)
  }

  /** Of a stage that is not followed here, Spark is asked. */
  async status(): Promise<StageStatus> {
    const { control, name } = this.#options
    if (this.#isFollowed || this.#status.state === 'failed') return this.#status
    return this.#look(async signal => {
      const running = await control.recorded(signal)
      if (running !== null) {
        return { stage: name, state: 'running', error: null, progress: await this.#newest(running.query, signal) }
      }
      const failure = await control.failure(signal)
      if (failure === null) return this.#status
      return { stage: name, state: 'failed', error: stageFailure(failure).toJSON(), progress: null }
    })
  }

  /** Stops what was started here; what is deployed goes on. */
  async close(): Promise<void> {
    const { control } = this.#options
    if (this.#isFollowed) await (control.record?.deployed ? this.leave(0) : this.stop())
    await control.close()
  }

  get #isFollowed(): boolean {
    return this.#started !== null
  }

  async #begin(): Promise<void> {
    this.#following = new AbortController()
    this.#enter('starting', null)
    const settled = Promise.withResolvers<void>()
    this.#over = this.#run(this.#following.signal, settled.resolve).finally(settled.resolve)
    await settled.promise
    const { state, error } = this.#status
    if (state === 'failed' && error !== null) throw fromReport(error)
  }

  /** Until the query ends by itself or is told to, or cannot be run. */
  async #run(signal: AbortSignal, settled: () => void): Promise<void> {
    const { logger, control } = this.#options
    try {
      await this.#persist(signal, settled)
      if (!this.#ending) logger.log('info', 'The query has ended: nothing was left to do, or it was stopped elsewhere.')
      this.#enter('stopped', null)
    } catch (thrown) {
      if (signal.aborted || this.#ending) return
      const error = asMillraceError(thrown)
      logger.log('error', error.message, { code: error.code })
      this.#enter('failed', error.toJSON())
    } finally {
      this.#query = null
      if (!this.#ending) {
        this.#started = null
        await control.close()
      }
    }
  }

  /** Starts the query again for as long as that can help. */
  async #persist(signal: AbortSignal, settled: () => void): Promise<void> {
    const { logger, clock, random, control } = this.#options
    const backoff = new Backoff(Number.POSITIVE_INFINITY, clock, random)
    for (;;) {
      try {
        const { isNew } = await this.#follow(signal, backoff, settled)
        if (this.#ending) return
        // What has come since another process started it.
        if (!isNew && control.hasEndedByItself) continue
        if (!(await this.#wasReplaced(signal))) return
      } catch (thrown) {
        signal.throwIfAborted()
        this.#query = null
        const schema = unknownSchema(thrown)
        if (schema !== null && control.learn(schema)) {
          logger.log('info', `Records were written with schema ${schema}, which is looked up.`)
          continue
        }
        const error = thrown instanceof SparkError ? stageFailure(thrown) : asMillraceError(thrown)
        if (error.retry === 'never' || this.#ending) throw error
        if (this.#status.state !== 'paused') logger.log('warn', `Waiting: ${error.message}`, { code: error.code })
        this.#enter('paused', error.toJSON())
        settled()
        await backoff.pause(error, signal)
      }
    }
  }

  /** Another process that is attached may have been first to start it again, which ends the run that was followed here. */
  async #wasReplaced(signal: AbortSignal): Promise<boolean> {
    const { clock, control } = this.#options
    await clock.sleep(replacementMs, signal)
    return control.isAsDeclared && (await control.recorded(signal)) !== null
  }

  /** @returns whether it was this process that started the run that has ended. */
  async #follow(signal: AbortSignal, backoff: Backoff, settled: () => void): Promise<{ readonly isNew: boolean }> {
    const { control, clock, logger, name } = this.#options
    const session = await control.open(signal)
    const watch = new QueryWatch(session, clock, signal)
    const over = new AbortController()
    try {
      await watch.ready()
      const { query, isNew } = await control.ensure(session, signal)
      this.#query = query
      if (!isNew) {
        logger.log('info', `${name} runs on Spark already.`, { query: query.id, run: query.runId, session: session.id })
        this.#status = { ...this.#status, progress: await this.#newest(query, signal) }
      }
      this.#heard()
      if (!this.#ending) this.#enter('running', null)
      settled()
      const followed = watch.follow(query, {
        onProgress: progress => {
          backoff.reset()
          this.#heard()
          this.#tell(progress)
        },
        onIdle: () => this.#heard(),
      })
      void this.#noticeSilence(AbortSignal.any([signal, over.signal]))
      await followed
      return { isNew }
    } finally {
      over.abort()
      await watch.close()
    }
  }

  /** A query that waits for its log or table says nothing: these are asked then. */
  async #noticeSilence(over: AbortSignal): Promise<void> {
    const { clock, control, logger } = this.#options
    while (!over.aborted) {
      const heard = this.#heardAt
      await clock.sleep(silenceMs, over).catch(() => {})
      if (over.aborted || this.#heardAt !== heard || this.#ending) continue
      const error = await control.ailment()
      if (over.aborted || this.#heardAt !== heard || this.#ending) continue
      if (error === null) this.#heard()
      else {
        if (this.#status.state !== 'paused') logger.log('warn', `Waiting: ${error.message}`, { code: error.code })
        this.#enter('paused', error.toJSON())
      }
    }
  }

  #heard(): void {
    this.#heardAt = this.#options.clock.elapsed()
    if (this.#status.state !== 'paused' || this.#ending) return
    this.#options.logger.log('info', 'Going on.')
    this.#enter('running', null)
  }

  #tell(batch: QueryProgress): void {
    const { name, clock, emit } = this.#options
    const progress = stageProgress(name, batch, clock.now())
    if (progress === null) return
    this.#status = { ...this.#status, progress }
    emit({ kind: 'progress', progress })
  }

  async #newest(query: StreamingQuery, signal: AbortSignal): Promise<StageProgress | null> {
    const batch = await query.lastProgress(signal)
    if (batch === null) return null
    return stageProgress(this.#options.name, batch, Date.parse(batch.timestamp) + batch.batchDuration)
  }

  async #end(batchMs: number): Promise<void> {
    const { control } = this.#options
    if (!this.#isFollowed) {
      await this.#look(async signal => {
        const running = await control.recorded(signal)
        if (running === null) control.forget()
        else await control.end(running.query, batchMs, signal)
      })
      return
    }
    await this.#endFollowing(async followed => {
      const { signal } = this.#following
      const query = this.#query ?? (await control.recorded(AbortSignal.timeout(lookMs)))?.query ?? null
      if (query === null) return
      await control.end(query, batchMs, signal)
      // So that its last batch is told of before its end is.
      await Promise.race([followed, this.#options.clock.sleep(goodbyeMs, signal)])
    })
  }

  /** @param first what to do while it is still followed; it is given what resolves when that ends by itself */
  async #endFollowing(first: (followed: Promise<void>) => Promise<void>): Promise<void> {
    if (this.#ending) return this.#over
    this.#ending = true
    const over = Promise.withResolvers<void>()
    const following = this.#over
    this.#over = over.promise
    try {
      await this.#started?.catch(() => {})
      await first(following)
    } finally {
      this.#following.abort()
      await following
      this.#enter('stopped', null)
      this.#started = null
      this.#ending = false
      await this.#options.control.close()
      over.resolve()
    }
  }

  /** Asks Spark something, and closes the connection again where the stage is not followed. */
  async #look<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await ask(new AbortController().signal)
    } finally {
      if (!this.#isFollowed) await this.#options.control.close()
    }
  }

  #enter(state: StageState, error: ErrorReport | null): void {
    const allowed: readonly StageState[] = stageTransitions[this.#status.state]
    if (state === this.#status.state ? error === this.#status.error : !allowed.includes(state)) return
    this.#status = { ...this.#status, state, error }
    this.#options.emit({ kind: 'state', status: this.#status })
  }
}
