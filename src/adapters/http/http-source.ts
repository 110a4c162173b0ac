import type { Clock, Random } from '../../ports/clock.ts'
import type { Cursor, Source, SourcePage, SourceRun } from '../../ports/source.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { SourceNode } from '../../sdk/nodes.ts'
import type { HttpSettings } from '../../sdk/sources/http.ts'
import { parseAnswer, recordsOf } from './answer.ts'
import { fetchBody } from './exchange.ts'
import { nextDue } from './pace.ts'
import { firstPosition, formatCursor, type Position, parseCursor, positionAfter } from './position.ts'
import { type Environment, type PageRequest, requestMaker } from './request.ts'
import { retryDelayMs } from './retry.ts'

export interface HttpSourceOptions {
  readonly clock: Clock
  readonly random: Random
  readonly env: Environment
  /** Default `millrace`. */
  readonly userAgent?: string
}

interface Answer {
  readonly records: readonly unknown[]
  readonly next: Position
  readonly bytes: number
}

/**
 * Runs a source declared with `http` or one that stands on it.
 * @throws MillraceError `CONFIG_INVALID` if the environment lacks what the declaration names.
 */
export async function openHttpSource(node: SourceNode, options: HttpSourceOptions): Promise<Source> {
  const { clock, random } = options
  // The sdk wrote these settings; the plan only carries them.
  const settings = node.settings as HttpSettings
  const makeRequest = requestMaker(settings, options.env, options.userAgent ?? 'millrace', node.name)
  const closed = new AbortController()

  async function read(request: PageRequest, at: Position, signal: AbortSignal): Promise<Answer> {
    const body = await fetchBody(request, settings.limits, clock, signal)
    const answer = parseAnswer(body, request.shown)
    const records = recordsOf(answer, settings.records, request.shown)
    return { records, next: positionAfter(settings.page, at, answer, records.length), bytes: body.length }
  }

  async function readWithRetries(request: PageRequest, at: Position, signal: AbortSignal): Promise<Answer> {
    for (let failures = 1; ; failures++) {
      try {
        return await read(request, at, signal)
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof MillraceError)) throw error
        const delay = retryDelayMs(error, failures, settings.limits.tries, random)
        if (delay === null) throw error
        await clock.sleep(Math.max(delay, 1000 / (settings.requestsPerSecond ?? Number.POSITIVE_INFINITY)), signal)
      }
    }
  }

  async function* pages(run: SourceRun, from: Cursor | null, caller: AbortSignal): AsyncGenerator<SourcePage> {
    const signal = AbortSignal.any([caller, closed.signal])
    let at = from === null ? firstPosition(settings.page) : parseCursor(settings.page, from)
    let due = clock.elapsed()
    while (!('end' in at)) {
      const early = due - clock.elapsed()
      if (early > 0) await clock.sleep(early, signal)
      const asked = clock.elapsed()
      const request = makeRequest(at, run, settings.size?.value ?? null)
      const { records, next, bytes } = await readWithRetries(request, at, signal)
      due = nextDue(settings, due, asked, records.length)
      at = next
      // A page past the end says only that: the cursor before it stays the last.
      if (records.length === 0 && 'end' in at) return
      yield { records: records.map(value => ({ value })), cursor: formatCursor(at), bytes }
    }
  }

  return {
    repeatable: settings.seed !== null,
    pages,
    async probe(caller) {
      const at = firstPosition(settings.page)
      await read(makeRequest(at, null, settings.size ? 1 : null), at, AbortSignal.any([caller, closed.signal]))
    },
    async close() {
      closed.abort(new DOMException('The source was closed.', 'AbortError'))
    },
  }
}
