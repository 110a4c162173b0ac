import type { Clock, Random } from '../../ports/clock.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Json } from '../../sdk/json.ts'
import { repeatedCall } from '../system/repeated-call.ts'
import { type Call, openConnection } from './connection.ts'
import { refusal } from './refusal.ts'
import type { Settings } from './settings.ts'

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
    call: call =>
      repeatedCall(() => once(call), {
        ...{ tries: settings.tries, clock, random, signal: closed.signal },
        mayRepeat: error => mayRepeat(call, error),
      }),
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
