import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openHttpSource } from '../../../src/adapters/http/http-source.ts'
import type { Source, SourcePage } from '../../../src/ports/source.ts'
import { type HttpOptions, http } from '../../../src/sdk/sources/http.ts'
import { t } from '../../../src/sdk/types.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { type VirtualClock, virtualClock } from '../../../src/testing/virtual-clock.ts'
import { json, run, serve, type TestServer } from './server.ts'

const schema = t.record('Row', { id: t.int() })
const env = { TOKEN: 'open sesame', KEY: 'k-123' }

describe('what the source cannot use', () => {
  const cases: readonly {
    readonly name: string
    readonly answer: (response: ServerResponse) => void
    readonly code: string
    readonly says: RegExp
    readonly tries: number
  }[] = [
    {
      name: 'a storm of 500s',
      answer: response => status(response, 500, '{"error":"out of users"}'),
      code: 'SOURCE_FAILED',
      says: /answered 500: "out of users"/,
      tries: 6,
    },
    {
      name: 'a storm of 429s',
      answer: response => status(response, 429, '{"error":"slow down"}'),
      code: 'SOURCE_THROTTLED',
      says: /429.*"slow down"/,
      tries: 6,
    },
    {
      name: 'a 404',
      answer: response => status(response, 404, 'no such thing'),
      code: 'SOURCE_REFUSED',
      says: /404: "no such thing"/,
      tries: 1,
    },
    {
      name: 'a 401',
      answer: response => status(response, 401, ''),
      code: 'SOURCE_REFUSED',
      says: /with 401\.$/,
      tries: 1,
    },
    {
      name: 'JSON that breaks off',
      answer: response => status(response, 200, '{"results":[{"id":1},{"i'),
      code: 'SOURCE_MALFORMED',
      says: /breaks off \(24 bytes\): "\{\\"results/,
      tries: 3,
    },
    {
      name: 'a page whose connection breaks off',
      answer: response => {
        response.writeHead(200, { 'content-length': 1000 })
        response.write('{"results":[', () => response.destroy())
      },
      code: 'SOURCE_UNREACHABLE',
      says: /did not answer: the connection broke off/,
      tries: 6,
    },
    {
      name: 'HTML',
      answer: response => status(response, 200, '<!DOCTYPE html>\n<title>Down</title>'),
      code: 'SOURCE_MALFORMED',
      says: /HTML or XML, not JSON: "<!DOCTYPE html> <title>/,
      tries: 3,
    },
    {
      name: 'text that is not JSON',
      answer: response => status(response, 200, `results: ${'x'.repeat(500)}`),
      code: 'SOURCE_MALFORMED',
      says: /is not JSON \(509 bytes\): "results: x{71}…"/,
      tries: 3,
    },
    {
      name: 'nothing',
      answer: response => status(response, 200, ''),
      code: 'SOURCE_MALFORMED',
      says: /is empty/,
      tries: 3,
    },
    {
      name: 'invalid UTF-8',
      answer: response => status(response, 200, Buffer.from('{"results":[{"name":"M\xfcller"}]}', 'latin1')),
      code: 'SOURCE_MALFORMED',
      says: /not UTF-8 text: .*Müller/,
      tries: 3,
    },
    {
      name: 'no array where the records should be',
      answer: response => status(response, 200, '{"results":{"id":1}}'),
      code: 'SOURCE_MALFORMED',
      says: /no array at results: /,
      tries: 3,
    },
    {
      name: 'an error that comes with 200',
      answer: response => status(response, 200, '{"error":"Uh oh"}'),
      code: 'SOURCE_FAILED',
      says: /answered with an error: "Uh oh"/,
      tries: 6,
    },
  ]

  it.each(cases)('$name: $code after $tries tries', async ({ answer, code, says, tries }) => {
    const { source, server } = await open((_, response) => answer(response))
    const error = await read(source).catch(error => error)
    expect(error).toMatchObject({ code, message: expect.stringMatching(says), place: `${server.url}/rows?page=1` })
    expect(server.requests).toHaveLength(tries)
  })

  it('a server that is not there: SOURCE_UNREACHABLE', async () => {
    const { source, server } = await open(() => {})
    await server.close()
    await expect(read(source)).rejects.toMatchObject({
      code: 'SOURCE_UNREACHABLE',
      message: 'The source did not answer: the connection was refused.',
      retry: 'later',
    })
  })

  it('a host that does not exist: SOURCE_UNREACHABLE', async () => {
    const { source } = await open(() => {}, { url: 'http://host.invalid/', limits: { tries: 1 } })
    await expect(read(source)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
  })

  it('an answer that never begins: SOURCE_TIMEOUT', async () => {
    const { source } = await open(() => {}, { limits: { headers: '50ms', tries: 2 } })
    await expect(read(source)).rejects.toMatchObject({
      code: 'SOURCE_TIMEOUT',
      message: 'No answer began within 50 ms.',
    })
  })

  it('an answer that never ends: SOURCE_TIMEOUT', async () => {
    const { source } = await open(
      (_, response) => {
        response.writeHead(200)
        response.write('{"results":[')
      },
      { limits: { body: '80ms', tries: 1 } },
    )
    await expect(read(source)).rejects.toMatchObject({ message: 'No answer was complete within 80 ms.' })
  })

  it('a page of 50 MB: SOURCE_PAGE_TOO_LARGE from its length alone, without retries', async () => {
    let sent = 0
    const { source, server } = await open((_, response) => {
      response.writeHead(200, { 'content-length': 50_000_000 })
      response.write('[', () => sent++)
    })
    await expect(read(source)).rejects.toMatchObject({
      code: 'SOURCE_PAGE_TOO_LARGE',
      message: expect.stringContaining('50000000 bytes'),
    })
    expect(server.requests).toHaveLength(1)
    expect(sent).toBe(1)
  })

  it('a page without a length: SOURCE_PAGE_TOO_LARGE as soon as the limit is passed', async () => {
    const chunk = Buffer.alloc(64 * 1024, ' ')
    let sent = 0
    const { source } = await open(
      (_, response) => {
        response.writeHead(200)
        const more = () => {
          if (!response.destroyed && sent < 50_000_000) response.write(chunk, more)
          sent += chunk.length
        }
        more()
      },
      { limits: { page: '1 MiB' } },
    )
    await expect(read(source)).rejects.toMatchObject({ code: 'SOURCE_PAGE_TOO_LARGE' })
    expect(sent).toBeLessThan(25_000_000)
  })

  it('a compressed page that is too large when unpacked: SOURCE_PAGE_TOO_LARGE', async () => {
    const { source } = await open(
      (_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' })
        response.end(gzipSync(Buffer.alloc(20_000_000, ' ')))
      },
      { limits: { page: '1 MiB' } },
    )
    await expect(read(source)).rejects.toMatchObject({ code: 'SOURCE_PAGE_TOO_LARGE' })
  })

  it('redirects without end: SOURCE_REFUSED', async () => {
    const { source, server } = await open((_, response) => {
      response.writeHead(302, { location: '/again' })
      response.end()
    })
    await expect(read(source)).rejects.toMatchObject({ code: 'SOURCE_REFUSED' })
    expect(server.requests).toHaveLength(6)
  })
})

describe('trying again', () => {
  it('backs off exponentially, each wait with full jitter', async () => {
    const { source, clock } = await open((_, response) => status(response, 503, ''))
    await expect(read(source)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    const random = seededRandom('source')
    expect(clock.waits).toEqual([500, 1000, 2000, 4000, 8000].map(most => random.next() * most))
  })

  it('goes on when the storm is over', async () => {
    const { source } = await open((_, response, index) =>
      index < 5 ? status(response, 500, '') : json(response, { results: [{ id: index }] }),
    )
    expect((await read(source, 1))[0]?.records).toEqual([{ value: { id: 5 } }])
  })

  it('waits as long as Retry-After says, in seconds or until a date', async () => {
    const clock = virtualClock({ auto: true })
    const { source } = await open(
      (_, response, index) => {
        const inAMinute = new Date(clock.now() + 60_000).toUTCString()
        if (index < 2) status(response, index === 0 ? 429 : 503, '', { 'retry-after': index === 0 ? '7' : inAMinute })
        else json(response, { results: [{ id: 1 }] })
      },
      { clock },
    )
    await read(source, 1)
    expect(clock.waits).toEqual([7000, 60_000])
  })

  it('leaves a Retry-After of more than five minutes to its caller', async () => {
    const { source, server } = await open((_, response) => status(response, 429, '', { 'retry-after': '3600' }))
    await expect(read(source)).rejects.toMatchObject({ code: 'SOURCE_THROTTLED', retryAfterMs: 3_600_000 })
    expect(server.requests).toHaveLength(1)
  })

  it('ends a wait at once with the signal’s reason', async () => {
    const clock = virtualClock()
    const { source } = await open((_, response) => status(response, 500, ''), { clock })
    const controller = new AbortController()
    const reading = read(source, 1, controller.signal)
    while (clock.sleepers === 0) await new Promise(resolve => setImmediate(resolve))
    controller.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    expect(clock.sleepers).toBe(0)
  })

  it('ends a fetch at once with the signal’s reason, and drops the connection', async () => {
    const arrived = Promise.withResolvers<void>()
    const dropped = Promise.withResolvers<void>()
    const { source } = await open((request, _) => {
      request.socket.once('close', () => dropped.resolve())
      arrived.resolve()
    })
    const controller = new AbortController()
    const reading = read(source, 1, controller.signal)
    await arrived.promise
    controller.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    await dropped.promise
  })

  it('ends a fetch when the source is closed', async () => {
    const arrived = Promise.withResolvers<void>()
    const { source } = await open(() => arrived.resolve())
    const reading = read(source, 1)
    await arrived.promise
    await source.close()
    await expect(reading).rejects.toThrow('The source was closed.')
  })

  it('probes with one try, asking for one record', async () => {
    const { source, server } = await open((_, response) => status(response, 500, ''), {
      size: { parameter: 'limit', value: 100 },
    })
    await expect(source.probe(new AbortController().signal)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    expect(server.requests).toEqual(['/rows?limit=1&page=1'])
  })
})

describe('pace', () => {
  it('fetches the first page at once and each next one when its records are due', async () => {
    const clock = virtualClock()
    const { source, server } = await open((_, response) => json(response, { results: [{ id: 1 }, { id: 2 }] }), {
      clock,
      pace: '1/s',
    })
    const pages = source.pages(run, null, new AbortController().signal)[Symbol.asyncIterator]()
    await pages.next()
    for (let page = 2; page <= 4; page++) {
      const next = pages.next()
      await clock.advance(1999)
      expect(server.requests).toHaveLength(page - 1)
      await clock.advance(1)
      await next
      expect(server.requests).toHaveLength(page)
    }
    await pages.return?.()
  })

  it('spaces requests, also those that are tries of one page', async () => {
    const { source, clock } = await open(
      (_, response, index) => (index === 1 ? status(response, 500, '') : json(response, { results: [{ id: 1 }] })),
      { requestsPerSecond: 0.1 },
    )
    await read(source, 2)
    expect(clock.waits).toEqual([10_000, 10_000])
  })
})

describe('requests', () => {
  it('carry the declared query and headers, with secrets from the environment', async () => {
    let headers: Record<string, unknown> = {}
    const { source, server } = await open(
      (request, response) => {
        headers = request.headers
        json(response, { results: [{ id: 1 }] })
      },
      {
        query: { sort: 'id', key: { env: 'KEY' } },
        headers: { authorization: { env: 'TOKEN', prefix: 'Bearer ' }, 'x-team': 'a' },
      },
    )
    await read(source, 1)
    expect(server.requests).toEqual(['/rows?sort=id&key=k-123&page=1'])
    expect(headers).toMatchObject({ authorization: 'Bearer open sesame', 'x-team': 'a', accept: 'application/json' })
  })

  it('show no secret in an error', async () => {
    const { source, server } = await open((_, response) => status(response, 400, ''), {
      query: { key: { env: 'KEY' } },
      headers: { authorization: { env: 'TOKEN' } },
    })
    const error = await read(source).catch(error => error)
    expect(error.place).toBe(`${server.url}/rows?key=***&page=1`)
    expect(JSON.stringify(error) + error.stack).not.toMatch(/k-123|sesame/)
  })

  it('keep secrets from another origin that they are redirected to', async () => {
    const seen: unknown[] = []
    const elsewhere = await serve((request, response) => {
      seen.push(request.headers.authorization)
      json(response, { results: [{ id: 1 }] })
    })
    onTestFinished(() => elsewhere.close())
    const { source } = await open(
      (request, response) => {
        seen.push(request.headers.authorization)
        response.writeHead(307, { location: `${elsewhere.url}/rows` })
        response.end()
      },
      { headers: { authorization: { env: 'TOKEN' } } },
    )
    await read(source, 1)
    expect(seen).toEqual(['open sesame', undefined])
  })

  it('are not made while a secret is missing: CONFIG_INVALID names its variable', async () => {
    const { node } = http({ url: 'http://localhost/', headers: { authorization: { env: 'NOT_THERE' } }, schema })
    const opening = openHttpSource(node, { clock: virtualClock(), random: seededRandom('source'), env })
    await expect(opening).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('NOT_THERE'),
    })
  })

  it('name the same seed for every attempt of a run, hashed to the digits asked for', async () => {
    const { source, server } = await open((_, response) => json(response, { results: [{ id: 1 }] }), {
      seed: { parameter: 'seed', digits: 16 },
    })
    await read(source, 1)
    await read(source, 1)
    expect(server.requests[0]).toMatch(/seed=[0-9a-f]{16}$/)
    expect(server.requests[1]).toBe(server.requests[0])
    expect(source.repeatable).toBe(true)
  })
})

describe('the end', () => {
  it('comes after the last page', async () => {
    const { source, server } = await open((_, response) => json(response, { results: [{ id: 1 }] }), {
      page: { kind: 'number', parameter: 'page', last: 2 },
    })
    const pages = await read(source)
    expect(server.requests).toEqual(['/rows?page=1', '/rows?page=2'])
    expect(await read(source, 9, never(), pages.at(-1)?.cursor)).toEqual([])
  })

  it('comes after the only page where there is no paging', async () => {
    const { source } = await open((_, response) => json(response, { results: [{ id: 1 }] }), { page: { kind: 'none' } })
    const pages = await read(source)
    expect(pages).toHaveLength(1)
    expect(await read(source, 9, never(), pages[0]?.cursor)).toEqual([])
  })

  it('is not waited for forever when the API gives its cursor again', async () => {
    const { source } = await open((_, response) => json(response, { results: [{ id: 1 }], next: 'a' }), {
      page: { kind: 'cursor', parameter: 'after', path: 'next' },
    })
    await expect(read(source)).rejects.toMatchObject({ code: 'SOURCE_MALFORMED' })
  })
})

interface Opened {
  readonly source: Source
  readonly server: TestServer
  readonly clock: VirtualClock
}

/** A source of `/rows` on a server that answers with `handle`; waits cost no time unless a clock is given. */
async function open(
  handle: Parameters<typeof serve>[0],
  options: Partial<HttpOptions<{ readonly id: number }>> & { readonly clock?: VirtualClock } = {},
): Promise<Opened> {
  const server = await serve(handle)
  const { clock = virtualClock({ auto: true }), ...declared } = options
  const { node } = http({
    url: `${server.url}/rows`,
    records: 'results',
    page: { kind: 'number', parameter: 'page' },
    schema,
    ...declared,
  })
  const source = await openHttpSource(node, { clock, random: seededRandom('source'), env })
  onTestFinished(async () => {
    await source.close()
    await server.close()
  })
  return { source, server, clock }
}

async function read(source: Source, count = 9, signal = never(), from: string | null = null): Promise<SourcePage[]> {
  const pages: SourcePage[] = []
  for await (const page of source.pages(run, from, signal)) {
    pages.push(page)
    if (pages.length === count) break
  }
  return pages
}

function status(
  response: ServerResponse,
  code: number,
  body: string | Buffer,
  headers: { readonly [name: string]: string } = {},
): void {
  response.writeHead(code, headers)
  response.end(body)
}

function never(): AbortSignal {
  return new AbortController().signal
}
