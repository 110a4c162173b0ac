import { once } from 'node:events'
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { MillraceError } from '../../sdk/errors.ts'
import type { Settings } from './settings.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export interface Call {
  readonly method: Method
  /** Below the URL of the registry, with its query. */
  readonly path: string
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: string
}

/** One exchange with the registry: no repeats, no meaning given to the status. */
export interface Connection {
  /** @throws MillraceError `REGISTRY_UNREACHABLE`, `REGISTRY_MALFORMED`; the signal's reason if it aborts. */
  send(call: Call, signal: AbortSignal): Promise<Answer>
  /** Ends every socket. */
  close(): void
}

const contentType = 'application/vnd.schemaregistry.v1+json'
const parallelSockets = 8

/**
 * Stands on `node:http` and `node:https` because `fetch` takes a client's certificate only from a package that Node
 * does not bring, and keeps its sockets where nobody can close them.
 */
export function openConnection(settings: Settings): Connection {
  const { url, authorization, tls, bodyBytes, timeoutMs } = settings
  const pool = { keepAlive: true, maxSockets: parallelSockets }
  const secure = url.protocol === 'https:'
  const agent = secure ? new HttpsAgent({ ...pool, ...tls }) : new HttpAgent(pool)
  const request = secure ? requestHttps : requestHttp

  async function exchange({ method, path, body }: Call, signal: AbortSignal): Promise<Answer> {
    const sent = request({
      agent,
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path: url.pathname.replace(/\/$/, '') + path,
      method,
      signal,
      headers: {
        accept: `${contentType}, application/json`,
        'user-agent': 'millrace',
        ...(authorization === null ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
      },
    })
    // Past the start of the answer, what goes wrong is told by the answer too.
    sent.on('error', () => {})
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return {
      status: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'] ?? null,
      body: await readBody(response, bodyBytes, url.origin + url.pathname),
    }
  }

  return {
    async send(call, signal) {
      signal.throwIfAborted()
      const stop = new AbortController()
      const abort = () => stop.abort(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      // A real timer, not the clock port: it watches a socket, which does not wait for a clock that is made up.
      let late = false
      const timer = setTimeout(() => {
        late = true
        stop.abort()
      }, timeoutMs)
      try {
        return await exchange(call, stop.signal)
      } catch (thrown) {
        signal.throwIfAborted()
        if (thrown instanceof MillraceError) throw thrown
        throw unreachable(thrown, call, url, late ? timeoutMs : null)
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
      }
    },
    close() {
      agent.destroy()
    },
  }
}

async function readBody(response: IncomingMessage, maxBytes: number, place: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) {
      const message = `The schema registry's answer has more than the ${maxBytes} bytes allowed.`
      throw new MillraceError('REGISTRY_MALFORMED', message, { place, fix: 'Raise limits.body.', retry: 'never' })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes).toString('utf8')
}

const reasons: { readonly [code: string]: string } = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name of its host cannot be looked up now',
}

/** After these the registry cannot have seen the request. */
const neverSent: readonly string[] = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']

function unreachable(thrown: unknown, call: Call, url: URL, lateAfterMs: number | null): MillraceError {
  const code = (thrown as { code?: unknown }).code
  const said = reasons[String(code)] ?? (thrown as Error).message
  const reason = lateAfterMs === null ? said : `not within ${lateAfterMs} ms`
  const certificate = /CERT|SELF_SIGNED|VERIFY/.test(String(code))
  const changes = call.method !== 'GET'
  return new MillraceError('REGISTRY_UNREACHABLE', `The schema registry did not answer: ${reason}.`, {
    place: url.origin + url.pathname,
    fix: certificate
      ? 'Give the authority that vouches for it as tls.ca, and its name as tls.serverName if it differs from the host.'
      : 'Check the address, the network and whether the registry runs.',
    outcome: changes && !neverSent.includes(String(code)) ? 'unknown' : 'failed',
    cause: thrown,
  })
}
