import type { Clock, Random } from '../../ports/clock.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Json } from '../../sdk/json.ts'
import { repeatedCall } from '../system/repeated-call.ts'
import { type Answer, type Call, exchange } from './exchange.ts'
import { refusal } from './refusal.ts'
import type { Settings } from './settings.ts'

/** Calls of Airflow's REST API, repeated where that can help and does no harm. */
export interface Client {
  /**
   * The JSON of a successful answer; null if it has none.
   * @throws MillraceError `ORCHESTRATOR_UNREACHABLE`, `ORCHESTRATOR_FAILED`; `AirflowRefusal` for a 4xx.
   */
  call(call: Call): Promise<Json>
  /** Ends the calls under way. */
  close(): void
}

export function openClient(settings: Settings, clock: Clock, random: Random): Client {
  const closed = new AbortController()
  let token: Promise<string> | null = null

  function authorized(call: Call, bearer: string | null): Promise<Answer> {
    return exchange(settings, call, bearer, closed.signal)
  }

  async function fetchToken(): Promise<string> {
    const credentials = settings.credentials()
    if (credentials.kind === 'token') return credentials.token
    const { user: username, password } = credentials
    const call: Call = { method: 'POST', path: '/auth/token', body: { username, password } }
    const answer = await authorized(call, null)
    const bearer = answer.status < 300 ? (parse(answer) as { access_token?: unknown } | null)?.access_token : null
    if (typeof bearer !== 'string') throw refusal(answer, call, settings.url, clock.now())
    return bearer
  }

  function bearer(): Promise<string> {
    token ??= fetchToken().catch(thrown => {
      token = null
      throw thrown
    })
    return token
  }

  async function once(call: Call): Promise<Json> {
    let used = await bearer()
    let answer = await authorized(call, used)
    if (answer.status === 401) {
      // It has expired; or another call has renewed it meanwhile.
      if ((await token) === used) token = null
      used = await bearer()
      answer = await authorized(call, used)
    }
    if (answer.status < 200 || answer.status > 299) throw refusal(answer, call, settings.url, clock.now())
    return parse(answer)
  }

  return {
    call: call =>
      repeatedCall(() => once(call), {
        ...{ tries: settings.tries, clock, random, signal: closed.signal },
        mayRepeat: error => mayRepeat(call, error),
      }),
    close() {
      const message = 'The connection to Airflow was closed.'
      closed.abort(new MillraceError('ORCHESTRATOR_UNREACHABLE', message, { retry: 'never' }))
    },
  }
}

/** What creates something anew at each call is the caller's to judge once it may have been done. */
export function mayRepeat({ method, repeatable = method !== 'POST' }: Call, { outcome }: MillraceError): boolean {
  return repeatable || outcome === 'failed'
}

function parse({ body }: Answer): Json {
  if (body === '') return null
  try {
    return JSON.parse(body) as Json
  } catch (cause) {
    const message = `Airflow's answer is not JSON: ${JSON.stringify(body.slice(0, 80))}`
    throw new MillraceError('ORCHESTRATOR_FAILED', message, {
      fix: 'Check that `url` is the address of an Airflow API server, and what stands between.',
      cause,
    })
  }
}
