import type { Clock } from '../../ports/clock.ts'
import type { QueryEvent } from './connect/events.ts'
import type { QueryProgress } from './connect/progress.ts'
import type { StreamingQuery } from './connect/queries.ts'
import type { Session } from './connect/session.ts'

/** How often a query is asked once another process has the session's one listener, in milliseconds. */
const askEveryMs = 1_000

export interface QueryListener {
  readonly onProgress: (progress: QueryProgress) => void
  readonly onIdle: () => void
}

/** Listens to a session from before a query is started there, so that nothing of it is missed. */
export class QueryWatch {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #closing = new AbortController()
  readonly #events: AsyncGenerator<QueryEvent>
  readonly #listening = Promise.withResolvers<void>()
  #next: Promise<IteratorResult<QueryEvent>>
  /** The newest batch that was told of, in the run that is followed. */
  #told = -1

  constructor(session: Session, clock: Clock, signal: AbortSignal) {
    this.#clock = clock
    this.#signal = AbortSignal.any([signal, this.#closing.signal])
    const onListening = () => this.#listening.resolve()
    this.#events = session.queries.listen({ signal: this.#signal, onListening, takeOver: true })
    this.#next = this.#pull()
  }

  /** Resolves when events are told from now on. @throws SparkError. */
  async ready(): Promise<void> {
    await Promise.race([this.#listening.promise, this.#next])
  }

  /**
   * Tells of every batch of a query from now on, and that it is idle, and resolves when it has ended without a failure.
   * @throws SparkError why it failed, or why it cannot be followed.
   */
  async follow(query: StreamingQuery, { onProgress, onIdle }: QueryListener): Promise<void> {
    const tell = (progress: QueryProgress) => {
      if (progress.batchId <= this.#told) return
      this.#told = progress.batchId
      onProgress(progress)
    }
    for (;;) {
      const { done, value: event } = await this.#next
      if (done) return this.#ask(query, tell)
      this.#next = this.#pull()
      if (event.runId !== query.runId) continue
      if (event.kind === 'progress') tell(event.progress)
      if (event.kind === 'idle') onIdle()
      if (event.kind === 'terminated' && event.failure !== null) throw event.failure
      if (event.kind === 'terminated') return
    }
  }

  /** The session may be listened to again. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#next.catch(() => {})
  }

  #pull(): Promise<IteratorResult<QueryEvent>> {
    const next = this.#events.next()
    // It is awaited later, when there may be nobody any more.
    next.catch(() => {})
    return next
  }

  async #ask(query: StreamingQuery, tell: (progress: QueryProgress) => void): Promise<void> {
    for (;;) {
      const { isActive } = await query.status(this.#signal)
      for (const progress of await query.recentProgress(this.#signal)) tell(progress)
      if (!isActive) break
      await this.#clock.sleep(askEveryMs, this.#signal)
    }
    const failure = await query.exception(this.#signal)
    if (failure !== null) throw failure
  }
}
