import { randomUUID } from 'node:crypto'
import type { Clock, Random } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import { asMillraceError, MillraceError } from '../../sdk/errors.ts'
import { addressOf } from './connect/endpoint.ts'
import { isUnknownQuery, type SparkError } from './connect/errors.ts'
import type { StreamingQuery } from './connect/queries.ts'
import { openSession, type Session } from './connect/session.ts'
import type { StageRecord, StageRecords } from './stage-record.ts'
import { requireTrigger, type StageSystems, type StageToStart, startStage } from './stage-start.ts'

export interface StageControlOptions {
  readonly stage: () => StageToStart
  readonly name: string
  readonly digest: string
  readonly endpoint: Parameters<typeof openSession>[0]
  readonly systems: () => Promise<StageSystems>
  readonly records: StageRecords
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** How long a server may not answer before that is told, in milliseconds. */
const unreachableMs = 5_000

/** How often a query is asked whether its batch is done, in milliseconds. */
const batchPollMs = 50

/** How long a query of another declaration may take for its batch in hand, in milliseconds. */
const retireMs = 30_000

/** Finds, starts and stops the query of one stage, and keeps the record of it. */
export class StageControl {
  readonly #options: StageControlOptions
  #session: Session | null = null

  constructor(options: StageControlOptions) {
    this.#options = options
  }

  /** Whether a query that has ended was done with what there was at its start, and not stopped. */
  get hasEndedByItself(): boolean {
    return this.#options.stage().settings.trigger.available_now === true && this.record?.query != null
  }

  /** What is known of the stage's query on this server. */
  get record(): StageRecord | null {
    const record = this.#options.records.read(this.#options.name)
    return record?.server === addressOf(this.#options.endpoint) ? record : null
  }

  /** Whether the query that is recorded was made from what is declared now. */
  get isAsDeclared(): boolean {
    return this.record?.digest === this.#options.digest
  }

  /**
   * The session in which the stage's query runs or is to run; a query of another declaration is ended first.
   * @throws SparkError.
   */
  async open(signal: AbortSignal): Promise<Session> {
    if (this.#session !== null && this.#session.lost === null) return this.#session
    const wasLost = this.#session !== null
    await this.close()
    const record = this.record
    if (record !== null && !this.isAsDeclared) await this.#retire(record, signal)
    const known = record !== null && this.isAsDeclared && !wasLost ? record.session : null
    this.#session =
      (known === null ? null : await this.#reopen(known, signal)) ?? (await this.#open(randomUUID(), signal))
    return this.#session
  }

  /** The query that is recorded, where it can still be asked; without opening a session of its own. */
  async recorded(signal: AbortSignal): Promise<{ session: Session; query: StreamingQuery } | null> {
    const record = this.record
    if (record === null) return null
    if (this.#session?.lost !== null) {
      await this.close()
      this.#session = await this.#reopen(record.session, signal)
    }
    const session = this.#session
    const query = session === null ? null : await this.#find(session, signal)
    return session === null || query === null ? null : { session, query }
  }

  /** Why the query that is recorded, and runs no more, has failed. Null if it was stopped, or if Spark does not remember it. */
  async failure(signal: AbortSignal): Promise<SparkError | null> {
    const query = this.record?.query ?? null
    if (query === null || this.#session === null) return null
    try {
      return await this.#session.queries.known(query.id, query.runId).exception(signal)
    } catch (thrown) {
      if (isUnknownQuery(thrown)) return null
      throw thrown
    }
  }

  /** The query that runs in the session, or one that it starts. @throws SparkError; MillraceError as `startStage`. */
  async ensure(
    session: Session,
    signal: AbortSignal,
    deployed = this.record?.deployed ?? false,
  ): Promise<{ readonly query: StreamingQuery; readonly isNew: boolean }> {
    const running = await this.#find(session, signal)
    if (running !== null) {
      this.#write(session, running, deployed)
      return { query: running, isNew: false }
    }
    const { stage, systems, name, logger } = this.#options
    // A process that dies in between leaves a query that the next one finds by its session.
    this.#write(session, null, deployed)
    const begun = this.#options.clock.elapsed()
    const query = await startStage(stage(), await systems(), session, this.record?.schemaIds ?? [], signal)
    this.#write(session, query, deployed)
    const took = Math.round(this.#options.clock.elapsed() - begun)
    logger.log('info', `${name} started on Spark.`, {
      query: query.id,
      run: query.runId,
      session: session.id,
      ms: took,
    })
    return { query, isNew: true }
  }

  /** The next query that is started will be told what the registry knows of this schema. False if the last one was told already. */
  learn(schemaId: number): boolean {
    const record = this.record
    if (record === null || record.schemaIds.includes(schemaId)) return false
    this.#options.records.write(this.#options.name, { ...record, schemaIds: [...record.schemaIds, schemaId] })
    return true
  }

  /**
   * Stops a query, which then is deployed no more.
   * @param batchMs how long its batch in hand may take; what it has not done by then is done again at the next start
   */
  async end(query: StreamingQuery, batchMs: number, signal: AbortSignal): Promise<void> {
    await this.#untilBatchIsDone(query, batchMs, signal)
    await query.stop(signal)
    this.forget()
  }

  /** Of a query that has ended: it is deployed no more. */
  forget(): void {
    const record = this.record
    if (record !== null) this.#options.records.write(this.#options.name, { ...record, query: null, deployed: false })
  }

  /** Why the query may hear nothing: its log or its table does not answer here either. Null if both do. */
  async ailment(): Promise<MillraceError | null> {
    const { name, stage, systems } = this.#options
    const { topic, table } = stage()
    try {
      const { log, tables } = await systems()
      await Promise.all([log.admin.ranges(topic.name), tables.admin.checkpoints(table, name)])
      return null
    } catch (thrown) {
      const error = asMillraceError(thrown)
      return error.retry === 'later' ? error : null
    }
  }

  /** Leaves the session on the server, with its query. */
  async close(): Promise<void> {
    const session = this.#session
    this.#session = null
    await session?.close()
  }

  async #untilBatchIsDone(query: StreamingQuery, limitMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const until = clock.elapsed() + limitMs
    const before = await query.lastProgress(signal)
    while (clock.elapsed() < until) {
      const { isActive, isTriggerActive, isDataAvailable } = await query.status(signal)
      if (!isActive || !isTriggerActive || !isDataAvailable) return
      const now = await query.lastProgress(signal)
      if (now?.batchId !== before?.batchId) return
      await clock.sleep(batchPollMs, signal)
    }
  }

  /** Ends the query of another declaration, and its session, whose functions were made for it. */
  async #retire(record: StageRecord, signal: AbortSignal): Promise<void> {
    const session = await this.#reopen(record.session, signal)
    if (session === null) return
    try {
      const query = await this.#find(session, signal)
      if (query !== null) {
        const { stage, systems, logger } = this.#options
        // What cannot be started must not end what runs.
        await requireTrigger(stage(), (await systems()).log.admin, session, signal)
        await this.#untilBatchIsDone(query, retireMs, signal)
        await query.stop(signal)
        logger.log('info', 'Restarting: the declaration has changed.', { query: query.id })
      }
    } catch (thrown) {
      await session.close()
      throw thrown
    }
    await session.release(signal).catch(thrown => {
      // It has no query any more, and the server forgets it by itself.
      this.#options.logger.log('warn', `The former session stays: ${asMillraceError(thrown).message}`)
    })
  }

  async #find(session: Session, signal: AbortSignal): Promise<StreamingQuery | null> {
    return (await session.queries.active(signal)).find(({ name }) => name === this.#options.name) ?? null
  }

  /** Null if the server has ended the session. */
  async #reopen(sessionId: string, signal: AbortSignal): Promise<Session | null> {
    try {
      return await this.#open(sessionId, signal)
    } catch (thrown) {
      if (thrown instanceof MillraceError && thrown.code === 'PROCESSOR_SESSION_LOST') return null
      throw thrown
    }
  }

  #open(sessionId: string, signal: AbortSignal): Promise<Session> {
    const { endpoint, clock, random } = this.#options
    return openSession(endpoint, { clock, random, sessionId, retryMs: unreachableMs }, signal)
  }

  #write(session: Session, query: StreamingQuery | null, deployed: boolean): void {
    const { records, name, endpoint, digest } = this.#options
    records.write(name, {
      server: addressOf(endpoint),
      session: session.id,
      query: query === null ? null : { id: query.id, runId: query.runId },
      ...{ digest, deployed, schemaIds: this.record?.schemaIds ?? [] },
    })
  }
}
