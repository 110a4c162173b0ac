import type { Clock, Random } from '../../../ports/clock.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { Backoff } from './backoff.ts'
import { canReattach, isUnknownOperation } from './errors.ts'
import type { ExecuteResponse, Plan } from './messages.ts'
import type { Transport } from './transport.ts'

/**
 * How long one stream may last, in milliseconds. The server ends each after 2 minutes and lets the client come back; one that
 * lasts longer has lost its connection without anybody telling.
 */
const streamLimitMs = 150_000

/** How long telling the server what is not needed any more may take, in milliseconds. */
const releaseLimitMs = 5_000

export interface ExecuteOptions {
  readonly signal?: AbortSignal
  /** By which `interrupt` finds it. Default: none. */
  readonly tags?: readonly string[]
}

export interface Execution {
  readonly transport: Pick<Transport, 'stream' | 'unary'>
  /** The session's fields of every request. */
  identify(): object
  /** A UUID. */
  readonly operationId: string
  readonly plan: Plan
  readonly tags: readonly string[]
  readonly doing: string
  readonly signal: AbortSignal
  /** How long it may go on without an answer while the connection is broken, in milliseconds. */
  readonly retryMs: number
  readonly clock: Clock
  readonly random: Random
  /** Given what goes on after the execution has ended. */
  background(work: Promise<unknown>): void
}

/**
 * Runs a plan and yields each response once, in order, across connections that break. States: *new* until something was heard
 * of the operation, *attached* from then on, *complete* when the server has said that there is nothing more.
 *
 * | in | when | then |
 * |---|---|---|
 * | new | it is begun | ExecutePlan |
 * | new, attached | the stream ends without being complete | ReattachExecute after the last response |
 * | new, attached | the connection breaks | a pause, then ReattachExecute |
 * | new | ReattachExecute: no such operation | ExecutePlan: the first one never arrived |
 * | attached | no such operation | fails: part of the answer is gone |
 * | any | another error, the signal, or the consumer stops | ReleaseExecute, which also ends what runs |
 */
export async function* execute(execution: Execution): AsyncGenerator<ExecuteResponse> {
  const { transport, operationId, doing, signal, clock, random } = execution
  const backoff = new Backoff(execution.retryMs, clock, random)
  const releases = new Releases(execution)
  let method: 'ExecutePlan' | 'ReattachExecute' = 'ExecutePlan'
  let last: string | null = null
  try {
    for (;;) {
      try {
        const request: object = method === 'ExecutePlan' ? executeRequest(execution) : reattachRequest(execution, last)
        let heard = false
        const responses = transport.stream(method, request, { doing, signal, limitMs: streamLimitMs })
        for await (const response of responses) {
          heard = true
          backoff.reset()
          last = response.response_id
          if (response.response_type === 'result_complete') return
          yield response
          releases.until(response.response_id)
        }
        method = 'ReattachExecute'
        if (!heard) await backoff.pause(silent(operationId, doing), signal)
      } catch (thrown) {
        if (method === 'ReattachExecute' && last === null && isUnknownOperation(thrown)) method = 'ExecutePlan'
        else if (canReattach(thrown)) method = 'ReattachExecute'
        else throw thrown
        await backoff.pause(thrown, signal)
      }
    }
  } finally {
    execution.background(releases.all())
  }
}

function executeRequest({ identify, operationId, plan, tags }: Execution): object {
  const request_options = [{ reattach_options: { reattachable: true } }]
  return { ...identify(), operation_id: operationId, plan, tags, request_options }
}

function reattachRequest({ identify, operationId }: Execution, last: string | null): object {
  return { ...identify(), operation_id: operationId, ...(last !== null && { last_response_id: last }) }
}

function silent(operationId: string, doing: string): MillraceError {
  return new MillraceError('PROCESSOR_FAILED', `Spark could not ${doing}: it ended every answer without giving one.`, {
    place: `operation ${operationId}`,
    outcome: 'unknown',
  })
}

/**
 * Tells the server which responses it need not keep for a reattach. Nothing depends on it: it keeps a bounded number anyway, so
 * there is one such call at a time, for the newest, and a failed one is forgotten.
 */
class Releases {
  readonly #execution: Execution
  #next: string | null = null
  #running: Promise<void> = Promise.resolve()
  #isRunning = false

  constructor(execution: Execution) {
    this.#execution = execution
  }

  until(responseId: string): void {
    this.#next = responseId
    if (this.#isRunning) return
    this.#isRunning = true
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    while (this.#next !== null) {
      const response_id = this.#next
      this.#next = null
      await this.#release({ release_until: { response_id } })
    }
    this.#isRunning = false
  }

  async all(): Promise<void> {
    this.#next = null
    await this.#running
    await this.#release({ release_all: {} })
  }

  async #release(what: object): Promise<void> {
    const { transport, identify, operationId } = this.#execution
    const request = { ...identify(), operation_id: operationId, ...what }
    // However the caller's signal stands: this is how it cleans up.
    const { signal } = new AbortController()
    await transport
      .unary('ReleaseExecute', request, { doing: 'release a result', signal, limitMs: releaseLimitMs })
      .catch(() => {})
  }
}
