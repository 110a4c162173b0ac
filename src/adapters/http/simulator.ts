import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MillraceError } from '../../sdk/errors.ts'
import { nationalities } from './simulator-data.ts'
import { type UserGenerator, type UserPage, userGenerator } from './simulator-users.ts'

/** Each `…Every: n` strikes at the n-th request and every n-th after it; 1 strikes always. */
export interface SimulatorFaults {
  /** 429 with a JSON error and `Retry-After: 1`. */
  readonly status429Every?: number
  /** 500 with a JSON error. */
  readonly status500Every?: number
  /** 200 with `{ "error": … }` in place of users. */
  readonly errorEvery?: number
  /** A whole answer whose JSON breaks off. */
  readonly malformedEvery?: number
  /** The connection is cut in the middle of the answer. */
  readonly truncateEvery?: number
  /** 200 with an HTML page. */
  readonly htmlEvery?: number
  /** No answer at all. */
  readonly hangEvery?: number
  /** Every n-th user of a seed, over all its pages, has a number for its first field: not what the schema says. */
  readonly badRecordEvery?: number
  /** Beyond this many users in a window the answer is 429, without Retry-After, until the window ends. */
  readonly rateLimit?: { readonly users: number; readonly windowMs: number }
}

export interface SimulatorOptions {
  /** TCP port on 127.0.0.1; default 0: any free one. */
  readonly port?: number
  /** For requests that bring no seed. Default `millrace`. */
  readonly seed?: string
  readonly faults?: SimulatorFaults
}

export interface Simulator {
  /** Such as `http://127.0.0.1:49152/api/`. */
  readonly url: string
  /** Ends the connections that are open. */
  close(): Promise<void>
}

const maxResults = 5000
const maxPage = 10_000
const fields = [
  ...['gender', 'name', 'location', 'email', 'login', 'dob', 'registered'],
  ...['phone', 'cell', 'id', 'picture', 'nat'],
]

/**
 * An HTTP server that answers as version 1.4 of the randomuser API does, with made-up users: `results`, `page`,
 * `seed`, `nat`, `inc`, `exc` and `noinfo` mean the same, and what is out of range counts as absent, as there. The same
 * seed, page and nationalities always give the same bytes. Other parameters are ignored.
 *
 * @throws MillraceError `PORT_IN_USE`.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const generate = userGenerator()
  const faults = options.faults ?? {}
  const limiter = rateLimiter(faults.rateLimit)
  let requests = 0

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (request.method !== 'GET' || !/^\/api(\/1\.4)?\/?$/.test(url.pathname)) {
      send(response, 404, 'Not Found')
      return
    }
    requests++
    const query = readQuery(url.searchParams, options.seed ?? 'millrace')
    const refusal = limiter(query.users.results)
    if (refusal) {
      send(response, 429, JSON.stringify({ error: refusal }))
      return
    }
    const fault = faultOf(faults, requests)
    if (fault === 'hang') return
    answer(generate, query, faults.badRecordEvery ?? null).then(
      body => sendWith(fault, response, body),
      error => send(response, 500, JSON.stringify({ error: String(error) })),
    )
  })
  await listen(server, options.port ?? 0)
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}/api/`,
    async close() {
      if (!server.listening) return
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

interface Query {
  readonly users: UserPage
  readonly fields: readonly string[]
  readonly info: boolean
}

function readQuery(query: URLSearchParams, defaultSeed: string): Query {
  const list = (name: string) =>
    (query.get(name) ?? '')
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== '')
  const results = Number(query.get('results') ?? 1)
  const page = Number(query.get('page') ?? 1)
  const nat = list('nat').map(code => code.toUpperCase())
  const inc = list('inc').map(field => field.toLowerCase())
  const exc = list('exc').map(field => field.toLowerCase())
  return {
    users: {
      seed: query.get('seed') || defaultSeed,
      page: Number.isInteger(page) && page >= 1 && page <= maxPage ? page : 1,
      results: Number.isInteger(results) && results >= 1 && results <= maxResults ? results : 1,
      nat: nat.length > 0 && nat.every(code => Object.hasOwn(nationalities, code)) ? nat : Object.keys(nationalities),
    },
    fields: fields.filter(field => (inc.length === 0 || inc.includes(field)) && !exc.includes(field)),
    info: !query.has('noinfo'),
  }
}

async function answer(generate: UserGenerator, query: Query, badRecordEvery: number | null): Promise<string> {
  const { seed, page, results } = query.users
  const users = await generate(query.users)
  const chosen = query.fields.length === fields.length ? users : users.map(user => only(user, query.fields))
  const first = query.fields[0]
  const records = chosen.map((user, i) => {
    const bad = badRecordEvery !== null && ((page - 1) * results + i + 1) % badRecordEvery === 0
    return bad && first ? { ...user, [first]: 0 } : user
  })
  return JSON.stringify({ results: records, ...(query.info ? { info: { seed, results, page, version: '1.4' } } : {}) })
}

function only(
  user: { readonly [field: string]: unknown },
  names: readonly string[],
): { readonly [field: string]: unknown } {
  return Object.fromEntries(names.map(name => [name, user[name]]))
}

const faultKinds = ['status429', 'status500', 'error', 'malformed', 'truncate', 'html', 'hang'] as const
type Fault = (typeof faultKinds)[number]

function faultOf(faults: SimulatorFaults, request: number): Fault | null {
  return faultKinds.find(kind => request % (faults[`${kind}Every`] ?? Number.POSITIVE_INFINITY) === 0) ?? null
}

function sendWith(fault: Fault | null, response: ServerResponse, body: string): void {
  const uhOh = JSON.stringify({ error: 'Uh oh, something has gone wrong.' })
  const half = body.slice(0, body.length / 2)
  switch (fault) {
    case 'status429':
      send(response, 429, JSON.stringify({ error: 'Whoa, ease up there cowboy.' }), { 'retry-after': '1' })
      break
    case 'status500':
      send(response, 500, uhOh)
      break
    case 'error':
      send(response, 200, uhOh)
      break
    case 'malformed':
      send(response, 200, half)
      break
    case 'html':
      send(response, 200, '<!DOCTYPE html><title>Down</title>', { 'content-type': 'text/html' })
      break
    case 'truncate':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      response.write(half, () => response.destroy())
      break
    default:
      send(response, 200, body)
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  headers: { readonly [name: string]: string } = {},
): void {
  const type = body.startsWith('{') ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8'
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-cache', ...headers })
  response.end(body)
}

/** Counts users in fixed windows as the API does; gives its words once a window is full. */
function rateLimiter(limit: SimulatorFaults['rateLimit']): (results: number) => string | null {
  let windowEnd = 0
  let users = 0
  return results => {
    if (!limit) return null
    const now = performance.now()
    if (now >= windowEnd) {
      windowEnd = now + limit.windowMs
      users = 0
    }
    if (users >= limit.users) return `Whoa, ease up there cowboy. You've requested ${users} users.`
    users += results
    return null
  }
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', (error: NodeJS.ErrnoException) => {
    const place = `127.0.0.1:${port}`
    const fix = 'Choose another port, or 0 for any free one.'
    const taken = new MillraceError('PORT_IN_USE', `Port ${port} is taken.`, { place, fix, cause: error })
    reject(error.code === 'EADDRINUSE' ? taken : error)
  })
  server.listen(port, '127.0.0.1', resolve)
  return promise
}
