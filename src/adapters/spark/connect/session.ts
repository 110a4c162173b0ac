import { randomUUID } from 'node:crypto'
import type { Clock, Random } from '../../../ports/clock.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import type { Row } from './arrow/stream.ts'
import { type Artifact, artifactRequests } from './artifacts.ts'
import type { Endpoint } from './endpoint.ts'
import { SparkError } from './errors.ts'
import { type ExecuteOptions, execute } from './execution.ts'
import { loadLibrary } from './library.ts'
import type { Analysis, Answers, Command, DataType, ExecuteResponse, Plan, Relation } from './messages.ts'
import { StreamingQueries } from './queries.ts'
import { collect, rowsOf } from './rows.ts'
import { withDetails } from './status.ts'
import { openTransport, type Transport } from './transport.ts'

export interface SessionOptions {
  readonly clock: Clock
  readonly random: Random
  /** Only to continue one that is still open, such as one of a process that died. Default: a new one. A UUID. */
  readonly sessionId?: string
  /** How often the server is told that the session is still wanted, in milliseconds. Default 60,000; 0: never. */
  readonly heartbeatMs?: number
  /** For the answer to one call, in milliseconds. Default 60,000. A query that runs is waited for without a limit. */
  readonly callMs?: number
  /** How long a query that runs outlives a broken connection, in milliseconds. Default 30,000. */
  readonly retryMs?: number
}

/** What of a session is to be ended by `interrupt`. */
export type Interruption = 'all' | { readonly operationId: string } | { readonly tag: string }

const clientType = 'millrace'
const defaultHeartbeatMs = 60_000
const defaultCallMs = 60_000
const defaultRetryMs = 30_000

/** How long closing may wait for the server, in milliseconds. */
const closeLimitMs = 5_000

/** How long the rest of an error may take to be fetched, in milliseconds. */
const detailsLimitMs = 5_000

/** More rows than that are to be read one by one. */
const defaultMaxRows = 100_000

/**
 * Opens a session with a Spark Connect server.
 *
 *     const session = await openSession(parseRemote('sc://127.0.0.1:15002', token), { clock, random })
 *     await session.sql('SELECT 1 AS one')        // [{ one: 1 }]
 *     await session.close()
 *
 * @throws SparkError if the server does not answer or refuses the token; MillraceError `CONFIG_INVALID` without the client.
 */
export async function openSession(endpoint: Endpoint, options: SessionOptions, signal?: AbortSignal): Promise<Session> {
  const transport = openTransport(await loadLibrary(), endpoint)
  const session = new Session(transport, endpoint.userId, options)
  try {
    await session.version(signal)
    return session
  } catch (thrown) {
    transport.close()
    throw thrown
  }
}

/**
 * A session: settings, views, uploaded artifacts and streaming queries that belong together. It ends on the server by `release`,
 * or when the server has not heard of it for a while (60 minutes unless set there), and its queries with it. An id that has
 * ended can never be used again.
 */
export class Session {
  readonly id: string
  readonly queries: StreamingQueries
  readonly #transport: Transport
  readonly #userId: string
  readonly #clock: Clock
  readonly #random: Random
  readonly #callMs: number
  readonly #retryMs: number
  readonly #closing = new AbortController()
  readonly #background = new Set<Promise<unknown>>()
  /** The server's own id of the session; another one means that it was restarted. */
  #serverSide: string | null = null
  #lost: SparkError | null = null

  /** Use `openSession`. */
  constructor(transport: Transport, userId: string, options: SessionOptions) {
    this.id = options.sessionId ?? randomUUID()
    this.#transport = transport
    this.#userId = userId
    this.#clock = options.clock
    this.#random = options.random
    this.#callMs = options.callMs ?? defaultCallMs
    this.#retryMs = options.retryMs ?? defaultRetryMs
    this.queries = new StreamingQueries(this)
    const heartbeatMs = options.heartbeatMs ?? defaultHeartbeatMs
    if (heartbeatMs > 0) this.#keep(this.#beat(heartbeatMs))
  }

  /** Why the session cannot be used any more; null while it can. */
  get lost(): SparkError | null {
    return this.#lost
  }

  /** Such as `4.2.0`. */
  async version(signal?: AbortSignal): Promise<string> {
    const { spark_version } = await this.#analyze({ spark_version: {} }, 'say its version', signal)
    return spark_version!.version
  }

  /** The columns of a relation, without running it. */
  async schema(relation: Relation, signal?: AbortSignal): Promise<DataType> {
    const analysis = { schema: { plan: { root: relation } } }
    const { schema } = await this.#analyze(analysis, 'analyze the query', signal)
    return schema!.schema
  }

  /** How Spark will run a relation, for people. */
  async explain(relation: Relation, signal?: AbortSignal): Promise<string> {
    const analysis = { explain: { plan: { root: relation }, explain_mode: 'EXPLAIN_MODE_FORMATTED' } }
    const { explain } = await this.#analyze(analysis, 'explain the query', signal)
    return explain!.explain_string
  }

  /**
   * Runs a statement and gives its rows.
   * @param maxRows default 100,000
   * @throws SparkError; MillraceError `RESULT_TOO_LARGE`.
   */
  async sql(
    query: string,
    { maxRows = defaultMaxRows, ...options }: ExecuteOptions & { readonly maxRows?: number } = {},
  ): Promise<readonly Row[]> {
    return collect(this.rows(await this.relationOf(query, options), options), maxRows)
  }

  /** A query as a relation to build upon; a statement that is none, such as CREATE, is run. */
  async relationOf(query: string, options: ExecuteOptions = {}): Promise<Relation> {
    const command: Command = { sql_command: { input: { sql: { query } } } }
    for await (const { sql_command_result } of this.run({ command }, 'run the statement', options)) {
      if (sql_command_result !== undefined) return sql_command_result.relation
    }
    throw unanswered('the statement')
  }

  /** The rows of a relation as they come; a slow consumer slows Spark down. Stopping early ends the query. */
  rows(relation: Relation, options: ExecuteOptions = {}): AsyncGenerator<Row> {
    return rowsOf(this.run({ root: relation }, 'run the query', options))
  }

  /**
   * Runs a plan and gives the server's answers; for what has no method of its own.
   * @param doing to go after «could not» in errors
   */
  async *run(plan: Plan, doing: string, options: ExecuteOptions = {}): AsyncGenerator<ExecuteResponse> {
    const { signal, tags = [] } = options
    this.#requireOpen()
    const responses = execute({
      ...{ transport: this.#transport, plan, tags, doing, retryMs: this.#retryMs },
      ...{ clock: this.#clock, random: this.#random, operationId: randomUUID() },
      identify: () => this.#identify(),
      signal: this.#untilClosed(signal),
      background: work => this.#keep(work),
    })
    const ended = Promise.withResolvers<void>()
    this.#keep(ended.promise)
    try {
      for await (const response of responses) {
        this.#serverSide = response.server_side_session_id || this.#serverSide
        yield response
      }
    } catch (thrown) {
      throw await this.#inFull(thrown, doing)
    } finally {
      ended.resolve()
    }
  }

  /** Sets settings of this session; null takes one back to Spark's own default, not to what the server was started with. */
  async configure(settings: { readonly [key: string]: string | null }, signal?: AbortSignal): Promise<void> {
    const entries = Object.entries(settings)
    const pairs = entries.flatMap(([key, value]) => (value === null ? [] : [{ key, value }]))
    const keys = entries.filter(([, value]) => value === null).map(([key]) => key)
    if (pairs.length > 0) await this.#call('Config', { operation: { set: { pairs } } }, 'change settings', signal)
    if (keys.length > 0) await this.#call('Config', { operation: { unset: { keys } } }, 'change settings', signal)
  }

  /** The values of settings; null for those that have none. */
  async settings(keys: readonly string[], signal?: AbortSignal): Promise<{ readonly [key: string]: string | null }> {
    const { pairs } = await this.#call('Config', { operation: { get_option: { keys } } }, 'read settings', signal)
    return Object.fromEntries(pairs.map(({ key, value }) => [key, value ?? null]))
  }

  /** Gives the session jars and files. @throws SparkError; MillraceError `PROCESSOR_FAILED` if one was damaged on its way. */
  async upload(artifacts: readonly Artifact[], signal?: AbortSignal): Promise<void> {
    this.#requireOpen()
    const doing = 'take the artifacts'
    const requests = artifactRequests(this.#identify(), artifacts)
    const summary = await this.#transport
      .upload(requests, { doing, limitMs: this.#callMs, signal: this.#untilClosed(signal) })
      .catch(async thrown => Promise.reject(await this.#inFull(thrown, doing)))
    const damaged = summary.artifacts.filter(({ is_crc_successful }) => !is_crc_successful).map(({ name }) => name)
    if (damaged.length === 0) return
    throw new MillraceError('PROCESSOR_FAILED', `Spark could not ${doing}: ${damaged.join(', ')} arrived damaged.`, {
      place: this.#transport.address,
    })
  }

  /**
   * Gives queries of this session a function, in place of one of its name.
   * @param className of Spark's `UDF1` … `UDF22`, in a jar that was uploaded
   * @param returns the type of its result, as Spark's DDL writes it
   */
  async registerFunction(name: string, className: string, returns: string, signal?: AbortSignal): Promise<void> {
    const output_type = { unparsed: { data_type_string: returns } }
    const register_function = { function_name: name, java_udf: { class_name: className, output_type } }
    const responses = this.run({ command: { register_function } }, `register ${name}`, { ...(signal && { signal }) })
    for await (const _ of responses);
  }

  /** Ends queries that run, and not those that stream. One that has not begun yet may run all the same. Gives the ids of operations. */
  async interrupt(what: Interruption, signal?: AbortSignal): Promise<readonly string[]> {
    const request =
      what === 'all'
        ? { interrupt_type: 'INTERRUPT_TYPE_ALL' }
        : 'tag' in what
          ? { interrupt_type: 'INTERRUPT_TYPE_TAG', operation_tag: what.tag }
          : { interrupt_type: 'INTERRUPT_TYPE_OPERATION_ID', operation_id: what.operationId }
    return (await this.#call('Interrupt', request, 'interrupt queries', signal)).interrupted_ids
  }

  /** Ends the session on the server, with its streaming queries, and closes it. */
  async release(signal?: AbortSignal): Promise<void> {
    try {
      await this.#call('ReleaseSession', {}, 'release the session', signal)
    } finally {
      await this.close()
    }
  }

  /** Ends what runs here. The session stays on the server, and its streaming queries go on. */
  async close(): Promise<void> {
    this.#closing.abort(new MillraceError('QUERY_CANCELLED', 'The session with Spark was closed.'))
    const over = new AbortController()
    const limit = this.#clock.sleep(closeLimitMs, over.signal).catch(() => {})
    await Promise.race([this.#settle(), limit])
    over.abort()
    this.#transport.close()
  }

  async #settle(): Promise<void> {
    while (this.#background.size > 0) await Promise.allSettled(this.#background)
  }

  /** So that the server does not take the session for one that nobody wants. What fails is told by the next call. */
  async #beat(everyMs: number): Promise<void> {
    const { signal } = this.#closing
    while (this.#lost === null) {
      await this.#clock.sleep(everyMs, signal)
      await this.settings(['spark.app.id'], signal).catch(() => {})
    }
  }

  #analyze(analysis: object, doing: string, signal: AbortSignal | undefined): Promise<Analysis> {
    return this.#call('AnalyzePlan', analysis, doing, signal)
  }

  async #call<M extends keyof Answers>(
    method: M,
    request: object,
    doing: string,
    signal?: AbortSignal,
  ): Promise<Answers[M]> {
    this.#requireOpen()
    try {
      const answer = await this.#transport.unary(
        method,
        { ...this.#identify(), ...request },
        { doing, limitMs: this.#callMs, signal: this.#untilClosed(signal) },
      )
      this.#serverSide = (answer as { server_side_session_id?: string }).server_side_session_id || this.#serverSide
      return answer
    } catch (thrown) {
      throw await this.#inFull(thrown, doing)
    }
  }

  #untilClosed(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal])
  }

  #identify(): object {
    return {
      session_id: this.id,
      user_context: { user_id: this.#userId, user_name: this.#userId },
      client_type: clientType,
      ...(this.#serverSide !== null && { client_observed_server_side_session_id: this.#serverSide }),
    }
  }

  #requireOpen(): void {
    this.#closing.signal.throwIfAborted()
    if (this.#lost !== null) throw this.#lost
  }

  /** The error with all that Spark says about it; what ends the session is remembered. */
  async #inFull(thrown: unknown, doing: string): Promise<unknown> {
    if (!(thrown instanceof SparkError)) return thrown
    const error = thrown.errorId === null ? thrown : await this.#withDetails(thrown, thrown.errorId, doing)
    if (error.code === 'PROCESSOR_SESSION_LOST') this.#lost = error
    return error
  }

  async #withDetails(error: SparkError, error_id: string, doing: string): Promise<SparkError> {
    const options = { doing, limitMs: detailsLimitMs, signal: this.#closing.signal }
    try {
      const request = { ...this.#identify(), error_id }
      return withDetails(error, await this.#transport.unary('FetchErrorDetails', request, options), doing)
    } catch {
      // What is known already says what failed.
      return error
    }
  }

  /** Work that `close` waits for; none of it may fail anything else. */
  #keep(work: Promise<unknown>): void {
    const kept = work.catch(() => {}).finally(() => this.#background.delete(kept))
    this.#background.add(kept)
  }
}

function unanswered(what: string): MillraceError {
  return new MillraceError('PROCESSOR_FAILED', `Spark ended ${what} without an answer.`, { outcome: 'unknown' })
}
