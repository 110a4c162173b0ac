import { MillraceError } from '../errors.ts'
import type { Json } from '../json.ts'
import { type Duration, parseDuration, parseRate, parseSize, type Rate, type Size } from '../quantities.ts'
import type { Source } from '../source.ts'
import type { RecordType } from '../types.ts'

/** A value that must not be in the plan: the environment variable that holds it where the source runs. */
export interface FromEnvironment {
  readonly env: string
  /** Put before the value, such as `Bearer `. */
  readonly prefix?: string
}

/** How the pages of an API follow each other. */
export type HttpPaging =
  /** One answer with everything. */
  | { readonly kind: 'none' }
  /** Pages are numbered. Ends after page `last`, or at the first page without records. */
  | { readonly kind: 'number'; readonly parameter: string; readonly start?: number; readonly last?: number }
  /** Pages start at a count of records. Ends at the first page without records. */
  | { readonly kind: 'offset'; readonly parameter: string; readonly start?: number }
  /** Each page says how the next one is asked for, at `path` (`next`, `meta.cursor`). Ends where that is missing, null or empty. */
  | { readonly kind: 'cursor'; readonly parameter: string; readonly path: string }

export interface HttpOptions<T> {
  /** `http:` or `https:`, without user or password. Its own query parameters are kept. */
  readonly url: string
  /** Query parameters that every request has. */
  readonly query?: { readonly [parameter: string]: string | number | boolean | FromEnvironment }
  /** Headers that every request has; credentials only as `{ env: 'NAME' }`. Not sent to another origin after a redirect. */
  readonly headers?: { readonly [name: string]: string | FromEnvironment }
  /** Path to the array of records in the answer, such as `results` or `data.items`; default: the answer is the array. */
  readonly records?: string
  /** Default `{ kind: 'none' }`. */
  readonly page?: HttpPaging
  /** The parameter that asks for a page's size, and the number of records to ask for. */
  readonly size?: { readonly parameter: string; readonly value: number }
  /**
   * The parameter that makes the API give the same records again; without it a retried run may get others.
   * `digits`: send that many hexadecimal digits of the seed's SHA-256 instead of the seed as it is.
   */
  readonly seed?: { readonly parameter: string; readonly digits?: number }
  readonly schema: RecordType<T>
  /** Most records over time, such as `500/s`; default `max`: as fast as they are processed. */
  readonly pace?: Rate | 'max'
  /** Most requests over time, such as `2/s`. */
  readonly requestsPerSecond?: number
  readonly limits?: HttpLimits
}

export interface HttpLimits {
  /** Largest page, uncompressed. Default 32 MiB. */
  readonly page?: Size
  /** Until the headers of an answer have arrived. Default 10s. */
  readonly headers?: Duration
  /** Until the whole of an answer has arrived. Default 30s. */
  readonly body?: Duration
  /** Tries for one page, the first included. Default 6; an answer in the wrong format is tried at most 3 times. */
  readonly tries?: number
}

/** What the plan keeps of an `http` source and the adapter is given. */
export type HttpSettings = {
  readonly url: string
  /** The environment variable that replaces `url` where it is set. */
  readonly urlEnv: string | null
  readonly query: { readonly [parameter: string]: string | HttpSecret }
  readonly headers: { readonly [name: string]: string | HttpSecret }
  readonly records: readonly string[]
  readonly page: HttpPage
  readonly size: { readonly parameter: string; readonly value: number } | null
  readonly seed: { readonly parameter: string; readonly digits: number | null } | null
  /** Null: as fast as the reader. */
  readonly recordsPerSecond: number | null
  readonly requestsPerSecond: number | null
  readonly limits: {
    readonly pageBytes: number
    readonly headersMs: number
    readonly bodyMs: number
    readonly tries: number
  }
}

export type HttpSecret = { readonly env: string; readonly prefix: string }

export type HttpPage =
  | { readonly kind: 'none' }
  | { readonly kind: 'number'; readonly parameter: string; readonly start: number; readonly last: number | null }
  | { readonly kind: 'offset'; readonly parameter: string; readonly start: number }
  | { readonly kind: 'cursor'; readonly parameter: string; readonly path: readonly string[] }

/**
 * Records from any JSON API over HTTP GET, one request at a time.
 *
 *     http({ url: 'https://example.com/orders', records: 'data', page: { kind: 'number', parameter: 'page' }, schema: order })
 *
 * @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`.
 */
export function http<T>(options: HttpOptions<T>): Source<T> {
  return httpSource('http', options, null)
}

/** @internal `http`, for sources that stand on it under a name of their own. */
export function httpSource<T>(name: string, options: HttpOptions<T>, urlEnv: string | null): Source<T> {
  const settings = httpSettings(name, options, urlEnv)
  return { node: { kind: 'http', name, schema: options.schema.node, settings }, schema: options.schema }
}

function httpSettings(name: string, options: HttpOptions<unknown>, urlEnv: string | null): HttpSettings {
  const limits = options.limits ?? {}
  checkUrl(options.url, `${name}({ url })`)
  return {
    url: options.url,
    urlEnv,
    query: mapValues(options.query ?? {}, value => (typeof value === 'object' ? secret(value) : String(value))),
    headers: mapValues(options.headers ?? {}, (value, header) => {
      if (typeof value === 'object') return secret(value)
      if (!credentialHeaders.has(header.toLowerCase())) return value
      throw new MillraceError('CONFIG_INVALID', `The header ${header} would be stored in the plan.`, {
        place: `${name}({ headers })`,
        fix: `Put its value in an environment variable and write ${header}: { env: 'NAME' }.`,
      })
    }),
    records: path(options.records ?? ''),
    page: paging(options.page ?? { kind: 'none' }, name),
    size: options.size
      ? { parameter: options.size.parameter, value: whole(options.size.value, 1, `${name}({ size })`) }
      : null,
    seed: options.seed
      ? {
          parameter: options.seed.parameter,
          digits: options.seed.digits === undefined ? null : whole(options.seed.digits, 8, `${name}({ seed })`, 64),
        }
      : null,
    recordsPerSecond: options.pace === undefined || options.pace === 'max' ? null : parseRate(options.pace),
    requestsPerSecond:
      options.requestsPerSecond === undefined
        ? null
        : positive(options.requestsPerSecond, `${name}({ requestsPerSecond })`),
    limits: {
      pageBytes: parseSize(limits.page ?? '32 MiB'),
      headersMs: parseDuration(limits.headers ?? '10s'),
      bodyMs: parseDuration(limits.body ?? '30s'),
      tries: whole(limits.tries ?? 6, 1, `${name}({ limits: { tries } })`),
    },
  }
}

const credentialHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-api-key'])

/** Refuses what is not an address of an HTTP API, or carries a password that messages and plans would show. */
export function checkUrl(url: string, place: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed?.username || parsed?.password) {
    throw new MillraceError('CONFIG_INVALID', 'The URL contains a user or password.', {
      place,
      fix: "Leave them out of the URL and give the header authorization: { env: 'NAME', prefix: 'Basic ' }.",
    })
  }
  if (parsed && (parsed.protocol === 'http:' || parsed.protocol === 'https:')) return parsed
  throw new MillraceError('CONFIG_INVALID', `${JSON.stringify(url)} is not the URL of an HTTP API.`, {
    place,
    fix: 'Give a whole URL, such as https://example.com/api.',
  })
}

function paging(page: HttpPaging, name: string): HttpPage {
  switch (page.kind) {
    case 'none':
      return { kind: 'none' }
    case 'number': {
      const start = whole(page.start ?? 1, 0, `${name}({ page: { start } })`)
      const last = page.last === undefined ? null : whole(page.last, start, `${name}({ page: { last } })`)
      return { kind: 'number', parameter: page.parameter, start, last }
    }
    case 'offset':
      return {
        kind: 'offset',
        parameter: page.parameter,
        start: whole(page.start ?? 0, 0, `${name}({ page: { start } })`),
      }
    case 'cursor':
      return { kind: 'cursor', parameter: page.parameter, path: path(page.path) }
  }
}

function secret(value: FromEnvironment): HttpSecret {
  return { env: value.env, prefix: value.prefix ?? '' }
}

function path(text: string): readonly string[] {
  return text === '' ? [] : text.split('.')
}

function mapValues<V, R extends Json>(
  object: { readonly [key: string]: V },
  map: (value: V, key: string) => R,
): { readonly [key: string]: R } {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
}

function whole(value: number, least: number, place: string, most: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  const fix = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  throw new MillraceError('CONFIG_INVALID', `${value} is not usable here.`, {
    place,
    fix: `Give a whole number ${fix}.`,
  })
}

function positive(value: number, place: string): number {
  if (Number.isFinite(value) && value > 0) return value
  throw new MillraceError('CONFIG_INVALID', `${value} is not usable here.`, { place, fix: 'Give a number above 0.' })
}
