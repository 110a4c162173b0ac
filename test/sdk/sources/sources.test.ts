import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Source } from '../../../src/sdk/source.ts'
import { files } from '../../../src/sdk/sources/files.ts'
import { type HttpOptions, http } from '../../../src/sdk/sources/http.ts'
import { type RandomUser, randomUsers } from '../../../src/sdk/sources/random-users.ts'
import { t } from '../../../src/sdk/types.ts'

const schema = t.record('Order', { id: t.int(), note: t.optional(t.text()) })

describe('http', () => {
  it('becomes plain JSON with every default in it', () => {
    const { node } = http({ url: 'https://example.com/orders', schema })
    expect(JSON.parse(JSON.stringify(node))).toEqual({
      kind: 'http',
      name: 'http',
      schema: schema.node,
      settings: {
        url: 'https://example.com/orders',
        urlEnv: null,
        query: {},
        headers: {},
        records: [],
        page: { kind: 'none' },
        size: null,
        seed: null,
        recordsPerSecond: null,
        requestsPerSecond: null,
        limits: { pageBytes: 32 * 1024 * 1024, headersMs: 10_000, bodyMs: 30_000, tries: 6 },
      },
    })
  })

  it('keeps what was said', () => {
    const { node } = http({
      url: 'https://example.com/',
      query: { open: true, limit: 5, key: { env: 'KEY' } },
      headers: { authorization: { env: 'TOKEN', prefix: 'Bearer ' } },
      records: 'data.items',
      page: { kind: 'cursor', parameter: 'after', path: 'meta.next' },
      seed: { parameter: 'seed' },
      pace: '30/m',
      limits: { page: '1 MiB', body: '1m', tries: 1 },
      schema,
    })
    expect(node.settings).toMatchObject({
      query: { open: 'true', limit: '5', key: { env: 'KEY', prefix: '' } },
      headers: { authorization: { env: 'TOKEN', prefix: 'Bearer ' } },
      records: ['data', 'items'],
      page: { kind: 'cursor', parameter: 'after', path: ['meta', 'next'] },
      seed: { parameter: 'seed', digits: null },
      recordsPerSecond: 0.5,
      limits: { pageBytes: 1_048_576, headersMs: 10_000, bodyMs: 60_000, tries: 1 },
    })
  })

  const refused: readonly (readonly [string, Partial<HttpOptions<never>>, string])[] = [
    ['a URL that is none', { url: 'example.com' }, 'not the URL of an HTTP API'],
    ['another protocol', { url: 'ftp://example.com/' }, 'not the URL of an HTTP API'],
    ['a password in the URL', { url: 'https://me:pass@example.com/' }, 'contains a user or password'],
    ['a credential in plain text', { headers: { Authorization: 'Bearer abc' } }, 'would be stored in the plan'],
    ['a size of 0', { size: { parameter: 'n', value: 0 } }, '0 is not usable here'],
    [
      'a last page before the first',
      { page: { kind: 'number', parameter: 'p', start: 5, last: 4 } },
      '4 is not usable',
    ],
    ['a rate of 0', { requestsPerSecond: 0 }, '0 is not usable here'],
    ['no tries', { limits: { tries: 0 } }, '0 is not usable here'],
  ]
  it.each(refused)('refuses %s', (_, options, message) => {
    const declare = () => http({ url: 'https://example.com/', schema, ...options })
    expect(declare).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
    )
  })

  it('does not repeat a password it refuses', () => {
    expect(() => http({ url: 'https://me:hunter2@example.com/', schema })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    )
  })

  it('has the type of its schema', () => {
    expectTypeOf(http({ url: 'https://example.com/', schema })).toEqualTypeOf<
      Source<{ readonly id: number; readonly note: string | null }>
    >()
  })
})

describe('randomUsers', () => {
  it('is the public API at 300 users a page and a second, unless the environment says where', () => {
    const { node } = randomUsers()
    expect(node).toMatchObject({ kind: 'http', name: 'randomuser' })
    expect(node.settings).toMatchObject({
      url: 'https://randomuser.me/api/',
      urlEnv: 'RANDOM_USER_URL',
      query: {},
      size: { parameter: 'results', value: 300 },
      page: { kind: 'number', parameter: 'page', start: 1, last: 10_000 },
      seed: { parameter: 'seed', digits: 16 },
      recordsPerSecond: 300,
    })
  })

  it('asks for nationalities and fields, and expects no others', () => {
    const { node } = randomUsers({ nat: ['NO', 'FR'], inc: ['login', 'name', 'nat'], exc: ['nat'], pace: 'max' })
    expect(node.settings).toMatchObject({ query: { nat: 'no,fr', inc: 'login,name,nat', exc: 'nat' } })
    expect(node.schema.fields.map(field => field.name)).toEqual(['name', 'login'])
  })

  it.each([0, 5001, 1.5, Number.NaN])('refuses %d results a page', results => {
    expect(() => randomUsers({ results })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it('refuses a field that there is not', () => {
    const typo = 'logn' as 'login'
    expect(() => randomUsers({ inc: [typo] })).toThrow('"logn" is not usable here')
  })

  it('has the type of the fields asked for', () => {
    expectTypeOf(randomUsers()).toEqualTypeOf<Source<RandomUser>>()
    expectTypeOf<RandomUser['location']['postcode']>().toEqualTypeOf<string>()
    expectTypeOf<RandomUser['id']['value']>().toEqualTypeOf<string | null>()
    expectTypeOf(randomUsers({ inc: ['name', 'nat'], exc: ['nat'] })).toEqualTypeOf<Source<Pick<RandomUser, 'name'>>>()
  })
})

describe('files', () => {
  it('becomes plain JSON', () => {
    const { node } = files({ path: 'in/orders.ndjson', schema })
    expect(node).toEqual({
      kind: 'files',
      name: 'files',
      schema: schema.node,
      settings: { paths: ['in/orders.ndjson'], maxLineBytes: 8 * 1024 * 1024 },
    })
  })

  it.each([[[]], [['a', 'a']], [''], [['a'.repeat(2000)]]])('refuses the path %j', path => {
    expect(() => files({ path, schema })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
