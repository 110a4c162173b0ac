import { MillraceError } from '../../sdk/errors.ts'
import type { Json } from '../../sdk/json.ts'
import type { Settings } from './settings.ts'

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH'
  /** Below the URL of the API server. */
  readonly path: string
  readonly query?: { readonly [name: string]: string | number | boolean | undefined }
  readonly body?: { readonly [key: string]: Json }
  /** Whether doing it twice is as good as once. Default: all but POST. */
  readonly repeatable?: boolean
}

export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: string
}

/** Largest answer, in bytes: a page of an attempt's log is the largest there is. */
const maxBytes = 64 * 1024 * 1024

/**
 * One exchange with the API server: no repeats, no meaning given to the status.
 * @throws MillraceError `ORCHESTRATOR_UNREACHABLE`, `ORCHESTRATOR_FAILED`; the signal's reason if it aborts.
 */
export async function exchange(
  { url, timeoutMs }: Pick<Settings, 'url' | 'timeoutMs'>,
  { method, path, query = {}, body }: Call,
  bearer: string | null,
  signal: AbortSignal,
): Promise<Answer> {
  signal.throwIfAborted()
  const target = new URL(url.href.replace(/\/$/, '') + path)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) target.searchParams.set(name, String(value))
  }
  try {
    const response = await fetch(target, {
      method,
      headers: {
        accept: 'application/json',
        'user-agent': 'millrace',
        ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: await readBody(response, url.href),
    }
  } catch (thrown) {
    signal.throwIfAborted()
    if (thrown instanceof MillraceError) throw thrown
    throw unreachable(thrown, method, url, timeoutMs)
  }
}

async function readBody(response: Response, place: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) {
      const message = `Airflow's answer has more than the ${maxBytes} bytes allowed.`
      throw new MillraceError('ORCHESTRATOR_FAILED', message, { place, retry: 'never' })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes).toString('utf8')
}

const reasons: { readonly [code: string]: string } = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  UND_ERR_SOCKET: 'the connection was reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name of its host cannot be looked up now',
}

/** After these Airflow cannot have seen the request. */
const neverSent: readonly string[] = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']

function unreachable(thrown: unknown, method: Call['method'], url: URL, timeoutMs: number): MillraceError {
  const error = thrown as { name?: string; message?: string; cause?: { code?: unknown; message?: string } }
  const code = String(error.cause?.code)
  const late = error.name === 'TimeoutError'
  const reason = late ? `not within ${timeoutMs} ms` : (reasons[code] ?? error.cause?.message ?? error.message)
  return new MillraceError('ORCHESTRATOR_UNREACHABLE', `Airflow did not answer: ${reason}.`, {
    place: url.href,
    fix: 'Check the address, the network and whether its API server runs.',
    outcome: method !== 'GET' && !neverSent.includes(code) ? 'unknown' : 'failed',
    cause: thrown,
  })
}
