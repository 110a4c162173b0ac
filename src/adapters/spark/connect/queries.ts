import { MillraceError } from '../../../sdk/errors.ts'
import { queryFailure, type SparkError } from './errors.ts'
import { type QueryEvent, readEvent } from './events.ts'
import type { ExecuteOptions } from './execution.ts'
import type {
  Command,
  ExecuteResponse,
  NamedQuery,
  QueryCommand,
  QueryInstance,
  QueryResult,
  StreamStart,
} from './messages.ts'
import { type QueryProgress, readProgress } from './progress.ts'

/** What streaming queries need of their session. */
export interface Runner {
  run(plan: { readonly command: Command }, doing: string, options?: ExecuteOptions): AsyncIterable<ExecuteResponse>
}

/** What a streaming query does at the moment. */
export interface QueryStatus {
  readonly isActive: boolean
  /** For people, such as `Waiting for next trigger`. */
  readonly message: string
  readonly isDataAvailable: boolean
  readonly isTriggerActive: boolean
}

/** The streaming queries of a session. Other sessions, also of the same user, do not see them. */
export class StreamingQueries {
  readonly #runner: Runner
  #isListening = false

  constructor(runner: Runner) {
    this.#runner = runner
  }

  /**
   * Starts a query and resolves when Spark has begun to run it; it then goes on without the caller. With a checkpoint that was
   * used before it goes on where that one was, and keeps its id.
   */
  async start(stream: StreamStart, signal?: AbortSignal): Promise<StreamingQuery> {
    const command = { write_stream_operation_start: stream }
    const response = await this.#ask(command, 'start the streaming query', signal)
    const started = response.write_stream_operation_start_result
    if (started === undefined) throw unanswered('start the streaming query')
    return this.#query({ id: started.query_id, name: started.name })
  }

  /** Those that run. */
  async active(signal?: AbortSignal): Promise<readonly StreamingQuery[]> {
    const command = { streaming_query_manager_command: { active: true as const } }
    const { streaming_query_manager_command_result: result } = await this.#ask(command, 'list its queries', signal)
    return (result?.active?.active_queries ?? []).map(each => this.#query(each))
  }

  /** The one that runs with this id; null if none does. */
  async get(id: string, signal?: AbortSignal): Promise<StreamingQuery | null> {
    const command = { streaming_query_manager_command: { get_query: id } }
    const { streaming_query_manager_command_result: result } = await this.#ask(command, 'find the query', signal)
    return result?.query === undefined ? null : this.#query(result.query)
  }

  /** One that was started here before; the server remembers a query for an hour after its end. */
  known(id: string, runId: string): StreamingQuery {
    return this.#query({ id: { id, run_id: runId } })
  }

  /**
   * What becomes of the session's queries, told by the server when it happens, until the signal aborts or the consumer stops. A
   * slow consumer lets events wait on the server. There is one listener a session, and the server keeps that of a process that died
   * for some minutes; `takeOver` ends it, wherever it is.
   * @throws SparkError; MillraceError `PROCESSOR_REFUSED` for a second listener.
   */
  async *listen({ signal, onListening, takeOver = false }: ListenOptions = {}): AsyncGenerator<QueryEvent> {
    if (this.#isListening) {
      throw new MillraceError('PROCESSOR_REFUSED', 'The session has a listener already; there can be one.')
    }
    this.#isListening = true
    try {
      if (takeOver) await this.#endListener(signal)
      const command = { streaming_query_listener_bus_command: { add_listener_bus_listener: true as const } }
      const responses = this.#runner.run({ command }, 'tell about its queries', signal === undefined ? {} : { signal })
      for await (const { streaming_query_listener_events_result: result } of responses) {
        if (result?.listener_bus_listener_added) onListening?.()
        for (const { event_type, event_json } of result?.events ?? []) {
          const event = readEvent(event_type, event_json)
          if (event !== null) yield event
        }
      }
    } finally {
      this.#isListening = false
    }
  }

  async #endListener(signal: AbortSignal | undefined): Promise<void> {
    const command = { streaming_query_listener_bus_command: { remove_listener_bus_listener: true as const } }
    const options = signal === undefined ? {} : { signal }
    for await (const _ of this.#runner.run({ command }, 'end the listener', options));
  }

  #query({ id, name }: NamedQuery): StreamingQuery {
    const ask = async (command: Omit<QueryCommand, 'query_id'>, doing: string, signal: AbortSignal | undefined) => {
      const response = await this.#ask({ streaming_query_command: { query_id: id, ...command } }, doing, signal)
      return response.streaming_query_command_result ?? {}
    }
    return new StreamingQuery(id, name || null, ask)
  }

  async #ask(command: Command, doing: string, signal: AbortSignal | undefined): Promise<ExecuteResponse> {
    const options = signal === undefined ? {} : { signal }
    for await (const response of this.#runner.run({ command }, doing, options)) {
      if (response.response_type !== undefined) return response
    }
    throw unanswered(doing)
  }
}

export interface ListenOptions {
  readonly signal?: AbortSignal
  /** Called once events are told from now on. */
  onListening?(): void
  /** Default false. */
  readonly takeOver?: boolean
}

type Ask = (
  command: Omit<QueryCommand, 'query_id'>,
  doing: string,
  signal: AbortSignal | undefined,
) => Promise<QueryResult>

/** How long one question whether a query has ended waits on the server, in milliseconds. */
const awaitSliceMs = 10_000

/** A streaming query on the server. */
export class StreamingQuery {
  /** Stays the same with its checkpoint. */
  readonly id: string
  /** Other at each start. */
  readonly runId: string
  readonly name: string | null
  readonly #ask: Ask

  constructor({ id, run_id }: QueryInstance, name: string | null, ask: Ask) {
    this.id = id
    this.runId = run_id
    this.name = name
    this.#ask = ask
  }

  async status(signal?: AbortSignal): Promise<QueryStatus> {
    const { status } = await this.#ask({ status: true }, 'say how the query is', signal)
    if (status === undefined) throw unanswered('say how the query is')
    const { status_message: message, is_active, is_data_available, is_trigger_active } = status
    return { message, isActive: is_active, isDataAvailable: is_data_available, isTriggerActive: is_trigger_active }
  }

  /** Of the newest batch; null before there was one. */
  async lastProgress(signal?: AbortSignal): Promise<QueryProgress | null> {
    return (await this.#progress({ last_progress: true }, signal)).at(-1) ?? null
  }

  /** Of the newest batches, oldest first; the server keeps 100. */
  recentProgress(signal?: AbortSignal): Promise<readonly QueryProgress[]> {
    return this.#progress({ recent_progress: true }, signal)
  }

  /** Resolves when it has stopped; a batch that runs is not finished, and is done again at the next start. */
  async stop(signal?: AbortSignal): Promise<void> {
    await this.#ask({ stop: true }, 'stop the query', signal)
  }

  /** Resolves when all that the sources had at the time of the call has been processed. For tests. */
  async processAllAvailable(signal?: AbortSignal): Promise<void> {
    await this.#ask({ process_all_available: true }, 'process what is available', signal)
  }

  /** How Spark runs the newest batch, for people. */
  async explain(signal?: AbortSignal): Promise<string> {
    const { explain } = await this.#ask({ explain: { extended: false } }, 'explain the query', signal)
    return explain?.result ?? ''
  }

  /** Why it failed; null if it did not. */
  async exception(signal?: AbortSignal): Promise<SparkError | null> {
    const { exception } = await this.#ask({ exception: true }, 'say why the query failed', signal)
    if (exception?.exception_message === undefined) return null
    return queryFailure(exception.exception_message, exception.error_class ?? null)
  }

  /** Resolves when it has ended by itself or by `stop`. @throws SparkError why it failed; the signal's reason. */
  async terminated(signal?: AbortSignal): Promise<void> {
    const command = { await_termination: { timeout_ms: String(awaitSliceMs) } }
    for (;;) {
      const { await_termination } = await this.#ask(command, 'wait for the end of the query', signal)
      if (await_termination?.terminated) return
    }
  }

  async #progress(command: Omit<QueryCommand, 'query_id'>, signal: AbortSignal | undefined) {
    const { recent_progress } = await this.#ask(command, 'tell the progress of the query', signal)
    return (recent_progress?.recent_progress_json ?? []).map(readProgress)
  }
}

function unanswered(doing: string): MillraceError {
  return new MillraceError('PROCESSOR_FAILED', `Spark could not ${doing}: it gave no answer.`, { outcome: 'unknown' })
}
