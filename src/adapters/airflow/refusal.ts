import { MillraceError } from '../../sdk/errors.ts'
import type { Answer, Call } from './exchange.ts'

/** An answer of 4xx: what was asked for does not exist, exists already, or is not allowed. */
export class AirflowRefusal extends MillraceError {
  readonly status: number

  constructor(status: number, message: string, place: string, fix: string) {
    super('ORCHESTRATOR_REFUSED', message, { place, fix })
    this.status = status
  }
}

/** Whether Airflow refused with this status. */
export function isRefusal(thrown: unknown, status: number): boolean {
  return thrown instanceof AirflowRefusal && thrown.status === status
}

/** What an answer that is no success means. */
export function refusal(answer: Answer, { method, path }: Call, url: URL, now: number): MillraceError {
  const { status, retryAfter } = answer
  const place = `${method} ${url.origin}${path}`
  const said = detail(answer.body)
  if (status >= 500 || status === 429 || status < 400) {
    const retryAfterMs = retryAfter === null ? null : readRetryAfter(retryAfter, now)
    return new MillraceError('ORCHESTRATOR_FAILED', `Airflow answered ${status}: ${said}.`, {
      place,
      fix: 'See the log of its API server.',
      outcome: method === 'GET' || status === 429 || status === 503 ? 'failed' : 'unknown',
      ...(retryAfterMs !== null && { retryAfterMs }),
    })
  }
  const fix =
    status === 401
      ? 'Check user and password, or the token, in the environment.'
      : status === 403
        ? 'Give the user the permission in Airflow.'
        : 'Check what was asked for in Airflow.'
  return new AirflowRefusal(status, `Airflow refused (${status}): ${said}.`, place, fix)
}

function detail(body: string): string {
  try {
    const { detail: said } = JSON.parse(body) as { detail?: unknown }
    return (typeof said === 'string' ? said : JSON.stringify(said)).slice(0, 500).replace(/\.$/, '')
  } catch {
    return JSON.stringify(body.slice(0, 80))
  }
}

function readRetryAfter(text: string, now: number): number | null {
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1_000
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : Math.max(0, time - now)
}
