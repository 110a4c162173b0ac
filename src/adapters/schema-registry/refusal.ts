import { type ErrorCode, MillraceError } from '../../sdk/errors.ts'
import type { Answer, Call } from './connection.ts'

/** Confluent's codes that have one of ours. A status of 404 alone says nothing: it may be a wrong path. */
const codes: { readonly [errorCode: number]: ErrorCode } = {
  409: 'SCHEMA_INCOMPATIBLE',
  40401: 'SUBJECT_UNKNOWN',
  40402: 'SCHEMA_VERSION_UNKNOWN',
  40403: 'SCHEMA_UNKNOWN',
  40404: 'SUBJECT_SOFT_DELETED',
  40405: 'SUBJECT_NOT_SOFT_DELETED',
  40406: 'SUBJECT_SOFT_DELETED',
  40407: 'SUBJECT_NOT_SOFT_DELETED',
  42201: 'SCHEMA_INVALID',
  42202: 'SCHEMA_VERSION_UNKNOWN',
  42203: 'COMPATIBILITY_INVALID',
  42206: 'SCHEMA_REFERENCED',
  42208: 'NAME_INVALID',
}

/** A subject without a level of its own. */
export const noLevelCode = 40408

/** What the registry said in an answer that is an error, with its own code where it gave one. */
export class RegistryRefusal extends MillraceError {
  readonly errorCode: number | null

  constructor(errorCode: number | null, ...[code, message, facts]: ConstructorParameters<typeof MillraceError>) {
    super(code, message, facts)
    this.errorCode = errorCode
  }
}

/** @param now milliseconds since 1970 */
export function refusal(answer: Answer, call: Call, place: string, now: number): RegistryRefusal {
  const { status } = answer
  const { errorCode, message } = readError(answer.body)
  const code = errorCode === null ? undefined : codes[errorCode]
  if (code !== undefined) return new RegistryRefusal(errorCode, code, `The schema registry: ${message}`, { place })

  const said = message === '' ? '' : `: ${message}`
  if (status === 408 || status === 429 || status >= 500) {
    const retryAfterMs = parseRetryAfter(answer.retryAfter, now)
    return new RegistryRefusal(errorCode, 'REGISTRY_FAILED', `The schema registry answered ${status}${said}`, {
      place,
      outcome: status === 429 || call.method === 'GET' ? 'failed' : 'unknown',
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    })
  }
  return new RegistryRefusal(errorCode, 'REGISTRY_REFUSED', `The schema registry answered ${status}${said}`, {
    place,
    fix: fixOf(status, errorCode),
  })
}

function fixOf(status: number, errorCode: number | null): string {
  if (status === 401) return 'Check `auth` and the environment variables it names.'
  if (status === 403) return 'Ask for the rights to do this, or have it done by who has them.'
  if (status >= 300 && status < 400) return 'Give the URL that this one redirects to.'
  if (status === 404 && errorCode === null) {
    return 'Check the path in `url`: some registries serve this API below one, such as /apis/ccompat/v7.'
  }
  return 'Correct what the message names.'
}

function readError(body: string): { readonly errorCode: number | null; readonly message: string } {
  try {
    const { error_code: errorCode, message } = JSON.parse(body) as { error_code?: unknown; message?: unknown }
    return {
      errorCode: typeof errorCode === 'number' ? errorCode : null,
      message: typeof message === 'string' ? message.slice(0, 2_000) : '',
    }
  } catch {
    return { errorCode: null, message: body.slice(0, 80).replace(/\s+/g, ' ').trim() }
  }
}

/** Milliseconds that a `Retry-After` asks for, as seconds or as a date; null if it is neither. */
function parseRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}
