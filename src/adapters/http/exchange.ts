import type { Clock } from '../../ports/clock.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { HttpSettings } from '../../sdk/sources/http.ts'
import { quote, valueAt } from './answer.ts'
import type { PageRequest } from './request.ts'
import { parseRetryAfter } from './retry.ts'

const maxRedirects = 5
/** Of an answer that is an error, only the start is read. */
const maxErrorBytes = 16 * 1024

/**
 * One GET: the whole body of a successful answer.
 *
 * Leaves no socket behind it, whatever happens: a body that is not read to its end is cancelled.
 * @throws MillraceError `SOURCE_*`; the signal's reason if it aborts.
 */
export async function fetchBody(
  request: PageRequest,
  limits: HttpSettings['limits'],
  clock: Clock,
  signal: AbortSignal,
): Promise<Buffer> {
  signal.throwIfAborted()
  const stop = new AbortController()
  const abort = () => stop.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  // Real timers, not the clock port: these watch a socket, which does not wait for a clock that is made up.
  const forHeaders = setTimeout(() => stop.abort(timedOut('began', limits.headersMs, request)), limits.headersMs)
  const forBody = setTimeout(() => stop.abort(timedOut('was complete', limits.bodyMs, request)), limits.bodyMs)
  try {
    const response = await follow(request, stop.signal)
    clearTimeout(forHeaders)
    if (response.ok) return await readBody(response, limits.pageBytes, request)
    throw refusal(response, await readStart(response), clock.now(), request)
  } catch (error) {
    stop.abort()
    signal.throwIfAborted()
    if (error instanceof MillraceError) throw error
    throw unreachable(error, request)
  } finally {
    clearTimeout(forHeaders)
    clearTimeout(forBody)
    signal.removeEventListener('abort', abort)
  }
}

/** Follows redirects itself, so that they are counted and the declared headers stay with their origin. */
async function follow(request: PageRequest, signal: AbortSignal): Promise<Response> {
  let url = request.url
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const headers =
      url.origin === request.url.origin ? { ...request.plainHeaders, ...request.headers } : request.plainHeaders
    const response = await fetch(url.href, { headers, redirect: 'manual', signal })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null) return response
    await response.body?.cancel()
    if (!URL.canParse(location, url.href)) break
    url = new URL(location, url)
  }
  throw new MillraceError('SOURCE_REFUSED', `The source redirects more than ${maxRedirects} times, or to no URL.`, {
    place: request.shown,
    fix: 'Give the URL that the redirects end at.',
  })
}

async function readBody(response: Response, maxBytes: number, request: PageRequest): Promise<Buffer> {
  const tooLarge = (size: string) =>
    new MillraceError('SOURCE_PAGE_TOO_LARGE', `The page has ${size}, more than the ${maxBytes} allowed.`, {
      place: request.shown,
      fix: 'Ask for fewer records a page (`size`), or raise limits.page.',
    })
  const announced = Number(response.headers.get('content-length') ?? 0)
  if (announced > maxBytes) throw tooLarge(`${announced} bytes`)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw tooLarge('more bytes')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes)
}

async function readStart(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes >= maxErrorBytes) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

function refusal(response: Response, body: string, now: number, request: PageRequest): MillraceError {
  const { status } = response
  const said = body.trim() === '' ? '' : `: ${quote(errorText(body))}`
  const wait = parseRetryAfter(response.headers.get('retry-after'), now)
  const facts = { place: request.shown, ...(wait === null ? {} : { retryAfterMs: wait }) }
  if (status === 429) {
    const fix = 'Set a slower `pace`.'
    return new MillraceError('SOURCE_THROTTLED', `The source asks for fewer requests (429)${said}.`, { ...facts, fix })
  }
  if (status >= 500) return new MillraceError('SOURCE_FAILED', `The source answered ${status}${said}.`, facts)
  if (status === 408) return new MillraceError('SOURCE_TIMEOUT', `The source gave up waiting (408)${said}.`, facts)
  const fix = status === 401 || status === 403 ? 'Check the credentials in `headers`.' : 'Check `url` and `query`.'
  return new MillraceError('SOURCE_REFUSED', `The source refused the request with ${status}${said}.`, { ...facts, fix })
}

/** `{ "error": "…" }` is how many APIs say it. */
function errorText(body: string): string {
  try {
    const error = valueAt(JSON.parse(body), ['error'])
    return typeof error === 'string' ? error : body
  } catch {
    return body
  }
}

function timedOut(what: string, ms: number, request: PageRequest): MillraceError {
  return new MillraceError('SOURCE_TIMEOUT', `No answer ${what} within ${ms} ms.`, {
    place: request.shown,
    fix: 'Ask for fewer records a page, or raise limits.headers and limits.body.',
  })
}

/** What fetch threw. Its own message is only `fetch failed` or `terminated`; the cause says why. */
function unreachable(thrown: unknown, request: PageRequest): MillraceError {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : ''
  const said = cause instanceof Error && cause.message !== '' ? cause.message : code || String(cause)
  if (/TIMEOUT|TIMEDOUT/.test(code)) {
    return new MillraceError('SOURCE_TIMEOUT', `The source did not answer in time: ${said}.`, {
      place: request.shown,
      cause: thrown,
    })
  }
  return new MillraceError('SOURCE_UNREACHABLE', `The source did not answer: ${reasons[code] ?? said}.`, {
    place: request.shown,
    fix: 'Check the address, the network and whether the service runs.',
    cause: thrown,
  })
}

const reasons: { readonly [code: string]: string } = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name of its host cannot be looked up now',
  UND_ERR_SOCKET: 'the connection broke off',
}
