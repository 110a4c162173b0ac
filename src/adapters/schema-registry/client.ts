import type { Clock, Random } from '../../ports/clock.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Json } from '../../sdk/json.ts'
import { type Call, openConnection } from './connection.ts'
import { refusal } from './refusal.ts'
import type { Settings } from './settings.ts'

const firstDelayMs = 100
const maxDelayMs = 2_000
/** A registry that asks for a longer pause than this is left alone: the caller tries again later. */
const maxRetryAfterMs = 10_000

/** Calls of the REST API, repeated where that can help and does no harm. */
export interface Client {
  /**
   * The JSON of a successful answer.
   * @throws MillraceError `REGISTRY_*`, `SUBJECT_*`, `SCHEMA_*`, `COMPATIBILITY_INVALID`.
   */
  call(call: Call): Promise<Json>
  /** Ends the calls under way. */
  close(): void
}

export function openClient(settings: Settings, clock: Clock, random: Random): Client {
  const connection = openConnection(settings)
  const closed = new AbortController()
  const place = settings.url.origin + settings.url.pathname

  async function once(call: Call): Promise<Json> {
    const answer = await connection.send(call, closed.signal)
    if (answer.status < 200 || answer.status > 299) throw refusal(answer, call, place, clock.now())
    try {
      return JSON.parse(answer.body) as Json
    } catch (cause) {
      const start = JSON.stringify(answer.body.slice(0, 80))
      throw new MillraceError('REGISTRY_MALFORMED', `The schema registry's answer is not JSON: ${start}`, {
        place,
        fix: 'Check that `url` is the address of a schema registry, and what stands between.',
        cause,
      })
    }
  }

  return {
    async call(call) {
      for (let failures = 1; ; failures++) {
        try {
          return await once(call)
        } catch (thrown) {
          if (!(thrown instanceof MillraceError) || !mayRepeat(call, thrown)) throw thrown
          const delay = retryDelayMs(thrown, failures, settings.tries, random)
          if (delay === null) throw thrown
          await clock.sleep(delay, closed.signal)
        }
      }
    },
    close() {
      closed.abort(new MillraceError('REGISTRY_UNREACHABLE', 'The schema registry was closed.', { retry: 'never' }))
      connection.close()
    },
  }
}

/** A deletion done twice fails the second time, so one that may have been done is the caller's to judge. */
export function mayRepeat({ method }: Call, { outcome }: MillraceError): boolean {
  return method !== 'DELETE' || outcome === 'failed'
}

/** Milliseconds before the next try after `failures` failed ones; null to give up. Half of it is chance. */
export function retryDelayMs(error: MillraceError, failures: number, tries: number, random: Random): number | null {
  if (error.retry === 'never' || failures >= tries) return null
  const asked = error.retryAfterMs ?? 0
  if (asked > maxRetryAfterMs) return null
  const step = Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1))
  return Math.max(asked, step / 2 + (random.next() * step) / 2)
}
