import { MillraceError } from '../../../sdk/errors.ts'

/** Where a Spark Connect server is, and who asks. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  /** Sent as `authorization: Bearer …`; null: none. */
  readonly token: string | null
  /** Sessions and queries are seen by the same user only. */
  readonly userId: string
  /** Further metadata of each call, as proxies ask for. */
  readonly headers: { readonly [name: string]: string }
}

const defaultPort = 15_002
const defaultUser = 'millrace'

/**
 * Reads a connection string as every client of Spark Connect takes it:
 * `sc://host:port/;use_ssl=true;token=…;user_id=…;x-header=…`. Port 15002 unless given. `session_id` and `user_agent` are not
 * taken: a session gets a new id, since one that was closed can never be used again.
 * @param token in place of one in the string
 * @throws MillraceError `CONFIG_INVALID`, also for a token that would travel in the clear.
 */
export function parseRemote(remote: string, token: string | null = null): Endpoint {
  const [, authority = '', path = ''] = /^sc:\/\/([^/;]+)\/?(.*)$/.exec(remote) ?? []
  const [, host, digits] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(authority) ?? []
  const port = digits === undefined ? defaultPort : Number(digits)
  // Nothing of the string is repeated in an error: it may hold a token.
  if (host === undefined || port < 1 || port > 65_535) throw invalid('is not sc://host:port')
  const parameters = parseParameters(path)
  const { use_ssl, token: inString, user_id, ...headers } = parameters
  if (use_ssl !== undefined && !/^(true|false)$/i.test(use_ssl))
    throw invalid('has a use_ssl that is not true or false')
  const endpoint: Endpoint = {
    host: host.replace(/^\[|\]$/g, ''),
    port,
    tls: use_ssl?.toLowerCase() === 'true',
    token: token ?? inString ?? null,
    userId: user_id ?? defaultUser,
    headers,
  }
  if (endpoint.token !== null && !/^[\x21-\x7e]+$/.test(endpoint.token)) {
    throw invalid('has a token with characters that no header can hold')
  }
  if (endpoint.token !== null && !endpoint.tls && !isLoopback(endpoint.host)) {
    throw invalid('has a token and no use_ssl=true: anyone on the way could read it')
  }
  return endpoint
}

function parseParameters(text: string): { readonly [name: string]: string } {
  const pairs = text.split(';').filter(pair => pair !== '')
  return Object.fromEntries(
    pairs.map(pair => {
      const [name = '', value = '', ...rest] = pair.split('=')
      const isHeader = name.startsWith('x-')
      if (rest.length > 0 || value === '') throw invalid('has a parameter that is not name=value')
      if (!isHeader && !['use_ssl', 'token', 'user_id'].includes(name)) {
        throw invalid('has a parameter other than use_ssl, token, user_id and x-…')
      }
      return [name.toLowerCase(), decode(value)]
    }),
  )
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('has a % that is not followed by two hexadecimal digits')
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function invalid(what: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `The remote of Spark ${what}.`, {
    place: 'spark.remote',
    fix: 'Write it as sc://127.0.0.1:15002, or sc://host:443/;use_ssl=true.',
  })
}

/** `host:port`, for people and for gRPC. */
export function addressOf({ host, port }: Pick<Endpoint, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
