import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Client, openClient } from '../../../src/adapters/airflow/client.ts'
import { AirflowRefusal } from '../../../src/adapters/airflow/refusal.ts'
import { readSettings } from '../../../src/adapters/airflow/settings.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import type { AirflowConfig } from '../../../src/sdk/targets/airflow.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'

interface Reply {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: { readonly [name: string]: string }
  /** End the connection in place of an answer. */
  readonly cut?: boolean
}

type Handle = (request: IncomingMessage, url: URL) => Reply | Promise<Reply>

/** An API server that gives the tokens `token-1`, `token-2`, … and answers everything else as told. */
async function airflow(handle: Handle): Promise<{ url: string; tokens: () => number; asked: string[] }> {
  let tokens = 0
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://airflow')
    asked.push(`${request.method} ${url.pathname}${url.search}`)
    const login = url.pathname.endsWith('/auth/token')
    if (login) expect(await json(request)).toEqual({ username: 'airflow', password: 'secret' })
    if (login) tokens += 1
    const token: Reply = { status: 201, body: { access_token: `token-${tokens}` } }
    const { status = 200, body = {}, headers = {}, cut = false } = login ? token : await handle(request, url)
    if (cut) return void request.socket.destroy()
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`, tokens: () => tokens, asked }
}

function client(url: string, limits: AirflowConfig['limits'] = {}): Client {
  const auth = { kind: 'password', user: 'airflow', password: { env: 'PASSWORD' } } as const
  const program = { command: [], project: '/', state: '/', target: 'test' }
  const surroundings = { env: { PASSWORD: 'secret' }, directory: '/' }
  const settings = readSettings({ adapter: 'airflow', url, auth, dags: 'dags', limits }, program, surroundings)
  const opened = openClient(settings, systemClock, seededRandom('client'))
  onTestFinished(() => opened.close())
  return opened
}

/** Where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

const get = { method: 'GET', path: '/api/v2/dags' } as const
const post = { method: 'POST', path: '/api/v2/backfills', body: {} } as const

describe('the client of Airflow', () => {
  it('fetches a token once for all calls, below the path of the URL', async () => {
    const server = await airflow(request => ({ body: { said: request.headers.authorization ?? null } }))
    const { call } = client(server.url)
    const answers = await Promise.all([call({ ...get, query: { a: 'x y', b: undefined } }), call(get)])
    expect(answers).toEqual([{ said: 'Bearer token-1' }, { said: 'Bearer token-1' }])
    expect(server.asked.sort()).toEqual([
      'GET /base/api/v2/dags',
      'GET /base/api/v2/dags?a=x+y',
      'POST /base/auth/token',
    ])
  })

  it('renews a token that has expired, once, for all calls that learn of it', async () => {
    const server = await airflow(({ headers }) => ({ status: headers.authorization === 'Bearer token-1' ? 401 : 200 }))
    const { call } = client(server.url)
    await Promise.all([call(get), call(get), call(get)])
    expect(server.tokens()).toBe(2)
  })

  it('gives up on a user whom no token helps', async () => {
    const server = await airflow(() => ({ status: 401, body: { detail: 'Not you.' } }))
    await expect(client(server.url).call(get)).rejects.toMatchObject({
      ...{ code: 'ORCHESTRATOR_REFUSED', retry: 'never', status: 401, message: 'Airflow refused (401): Not you.' },
    })
    expect(server.tokens()).toBe(2)
  })

  it.each([500, 502, 503, 429])('tries a call again that was answered with %d', async status => {
    let calls = 0
    const server = await airflow(() => ({ status: ++calls < 3 ? status : 200, body: { calls } }))
    expect(await client(server.url).call(get)).toEqual({ calls: 3 })
  })

  it('waits as long as it is asked to, but not longer than it has', async () => {
    let calls = 0
    const server = await airflow(() => ({
      status: ++calls < 2 ? 429 : 503,
      headers: { 'retry-after': calls < 2 ? '1' : '60' },
    }))
    const since = performance.now()
    await expect(client(server.url).call(get)).rejects.toMatchObject({
      code: 'ORCHESTRATOR_FAILED',
      retryAfterMs: 60_000,
    })
    expect(performance.now() - since).toBeGreaterThanOrEqual(990)
    expect(calls).toBe(2)
  })

  it('does not repeat a change that may have been made, unless that is as good', async () => {
    let calls = 0
    const server = await airflow(() => (++calls === 1 ? { cut: true } : { body: { calls } }))
    const { call } = client(server.url)
    await expect(call(post)).rejects.toMatchObject({ code: 'ORCHESTRATOR_UNREACHABLE', outcome: 'unknown' })
    calls = 0
    expect(await call({ ...post, repeatable: true })).toEqual({ calls: 2 })
  })

  it('ends a call that takes too long', async () => {
    const server = await airflow(() => Promise.withResolvers<Reply>().promise)
    const call = client(server.url, { timeout: '100ms', tries: 1 }).call(get)
    await expect(call).rejects.toMatchObject({
      code: 'ORCHESTRATOR_UNREACHABLE',
      message: expect.stringContaining('100 ms'),
    })
  })

  it('says what nobody answers, and does not repeat what is refused', async () => {
    await expect(client(`http://127.0.0.1:${await closedPort()}`, { tries: 1 }).call(get)).rejects.toMatchObject({
      ...{ code: 'ORCHESTRATOR_UNREACHABLE', retry: 'later', message: expect.stringContaining('refused') },
    })
    const server = await airflow(() => ({ status: 404, body: { detail: 'No such thing.' } }))
    await expect(client(server.url).call(get)).rejects.toBeInstanceOf(AirflowRefusal)
    expect(server.asked.length).toBe(2)
  })

  it('says so where something else answers', async () => {
    const server = await airflow(() => ({ body: '<html>Welcome</html>' }))
    await expect(client(server.url, { tries: 1 }).call(get)).rejects.toMatchObject({
      ...{ code: 'ORCHESTRATOR_FAILED', message: expect.stringContaining('not JSON') },
    })
  })

  it('ends what is under way when it is closed', async () => {
    const asked = Promise.withResolvers<void>()
    const server = await airflow(() => {
      asked.resolve()
      return Promise.withResolvers<Reply>().promise
    })
    const opened = client(server.url)
    const call = expect(opened.call(get)).rejects.toMatchObject({ message: 'The connection to Airflow was closed.' })
    await asked.promise
    opened.close()
    await call
  })
})
