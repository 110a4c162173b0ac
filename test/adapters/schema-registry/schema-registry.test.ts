import { describe, expect, it } from 'vitest'
import type { Json } from '../../../src/sdk/json.ts'
import { openClient, scriptedRegistry, serveEmbedded } from './fixture.ts'

const record = (...fields: readonly Json[]): Json => ({ type: 'record', name: 'R', fields })
const a: Json = { name: 'a', type: 'int' }
const b: Json = { name: 'b', type: 'string' }
const stored = { body: { schema: '"string"' } }
const notFound = (error_code: number) => ({ status: 404, body: { error_code, message: 'not found' } })
const refused = { status: 401, body: { error_code: 401, message: 'Unauthorized' } }
const down = { status: 503, body: 'Service Unavailable' }

describe('a request', () => {
  it('goes below the path of the URL, in Confluent’s content type, with schema in its one form', async () => {
    const { url, requests } = await scriptedRegistry(notFound(40403))
    const { registry } = await openClient({ url: `${url}/apis/ccompat/v7/` })
    const schema = { fields: [{ type: 'int', name: 'a' }], name: 'x.R', type: 'record' }
    expect(await registry.lookup('a/b é-value', schema)).toBeNull()
    expect(requests[0]).toMatchObject({
      line: 'POST /apis/ccompat/v7/subjects/a%2Fb%20%C3%A9-value',
      headers: {
        'content-type': 'application/vnd.schemaregistry.v1+json',
        accept: 'application/vnd.schemaregistry.v1+json, application/json',
      },
      body: JSON.stringify({
        schema: '{"type":"record","name":"R","namespace":"x","fields":[{"name":"a","type":"int"}]}',
      }),
    })
  })

  it('carries user and password, or a token, from the environment', async () => {
    const { url, requests } = await scriptedRegistry(stored)
    const basic = { kind: 'basic', user: { env: 'KEY' }, password: { env: 'SECRET' } } as const
    await (await openClient({ url, auth: basic }, { KEY: 'me', SECRET: 'pä:ss' })).registry.byId(1)
    await (await openClient({ url, auth: { kind: 'bearer', token: { env: 'T' } } }, { T: 't0' })).registry.byId(1)
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from('me:pä:ss').toString('base64')}`,
      'Bearer t0',
    ])
  })

  it('never shows a secret in an error', async () => {
    const { url } = await scriptedRegistry(refused)
    const { registry } = await openClient({ url, auth: { kind: 'bearer', token: { env: 'T' } } }, { T: 'hidden' })
    const error = await registry.byId(1).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'REGISTRY_REFUSED', fix: expect.stringContaining('auth') })
    expect(JSON.stringify(error) + String(error)).not.toContain('hidden')
  })

  it('is repeated after answers that may pass and connections cut, and no more often than allowed', async () => {
    const flaky = await scriptedRegistry(down, 'cut', { ...down, headers: { 'retry-after': '2' } }, stored)
    const { registry, clock } = await openClient({ url: flaky.url })
    expect((await registry.byId(7)).schema).toBe('string')
    expect(clock.waits).toEqual([75, 150, 2_000])
    const dead = await scriptedRegistry(down)
    const { registry: other } = await openClient({ url: dead.url, limits: { tries: 3 } })
    await expect(other.byId(7)).rejects.toMatchObject({ code: 'REGISTRY_FAILED', retry: 'later' })
    expect(dead.requests).toHaveLength(3)
  })

  it('is not repeated when it was refused, nor when a deletion may have been done', async () => {
    const { url, requests } = await scriptedRegistry(refused, 'cut')
    const { registry } = await openClient({ url })
    await expect(registry.versions('s')).rejects.toMatchObject({ code: 'REGISTRY_REFUSED', retry: 'never' })
    await expect(registry.deleteSubject('s')).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      outcome: 'unknown',
    })
    expect(requests).toHaveLength(2)
  })

  it('ends after the time allowed', async () => {
    const { url } = await scriptedRegistry('hang')
    const { registry } = await openClient({ url, limits: { timeout: '50ms', tries: 1 } })
    await expect(registry.byId(1)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: 'The schema registry did not answer: not within 50 ms.',
    })
  })

  it('ends when the registry is closed, and none is made after', async () => {
    const { url, requests } = await scriptedRegistry('hang')
    const { registry } = await openClient({ url })
    const waiting = registry.byId(1).catch((thrown: unknown) => thrown)
    await expect.poll(() => requests.length).toBe(1)
    await registry.close()
    expect(await waiting).toMatchObject({ message: 'The schema registry was closed.', retry: 'never' })
    await expect(registry.byId(1)).rejects.toMatchObject({ message: 'The schema registry was closed.' })
    expect(requests).toHaveLength(1)
  })

  it('says that nobody listens', async () => {
    const { registry } = await openClient({ url: 'http://127.0.0.1:1', limits: { tries: 1 } })
    await expect(registry.setCompatibility('FULL')).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('refused'),
      outcome: 'failed',
    })
  })
})

describe('an answer', () => {
  it('that is no registry’s is told from one that is', async () => {
    const { url } = await scriptedRegistry({ body: '<html>Sign in</html>' })
    const { registry } = await openClient({ url, limits: { tries: 1 } })
    await expect(registry.byId(1)).rejects.toMatchObject({ code: 'REGISTRY_MALFORMED', retry: 'later' })
    await expect(registry.versions('s')).rejects.toMatchObject({ code: 'REGISTRY_MALFORMED' })
  })

  it.each<[string, Json, string]>([
    ['a schema of another kind', { schema: '{}', schemaType: 'JSON' }, 'SCHEMA_INVALID'],
    ['a schema that is not JSON', { schema: 'syntax = "proto3"' }, 'SCHEMA_INVALID'],
    ['no schema', { id: 1 }, 'REGISTRY_MALFORMED'],
    ['a list', [], 'REGISTRY_MALFORMED'],
    ['a broken reference', { schema: '"string"', references: [{ name: 'R' }] }, 'REGISTRY_MALFORMED'],
  ])('with %s is refused', async (_, body, code) => {
    const { url } = await scriptedRegistry({ body })
    const { registry } = await openClient({ url, limits: { tries: 1 } })
    await expect(registry.byId(1)).rejects.toMatchObject({ code })
  })

  it('larger than allowed is not read to its end', async () => {
    const { url } = await scriptedRegistry({ body: { schema: JSON.stringify('x'.repeat(5_000)) } })
    const { registry } = await openClient({ url, limits: { body: '1 KiB' } })
    await expect(registry.byId(1)).rejects.toMatchObject({ code: 'REGISTRY_MALFORMED', retry: 'never' })
  })
})

describe('what a schema is', () => {
  it('is asked for once an id', async () => {
    const { url, requests } = await scriptedRegistry(stored)
    const { registry } = await openClient({ url })
    expect(await registry.byId(3)).toEqual(await registry.byId(3))
    expect(requests).toHaveLength(1)
  })

  it('is not asked for by an id that no registry gives', async () => {
    const { url, requests } = await scriptedRegistry(stored)
    const { registry } = await openClient({ url })
    for (const id of [0, -1, 2 ** 31, 2 ** 32 - 1]) {
      await expect(registry.byId(id)).rejects.toMatchObject({ code: 'SCHEMA_UNKNOWN' })
    }
    expect(requests).toEqual([])
  })

  it('is asked for under no name that would be a step of the path', async () => {
    const { url, requests } = await scriptedRegistry(stored)
    const { registry } = await openClient({ url })
    for (const subject of ['', '.', '..', 'a\nb', 'x'.repeat(513)]) {
      await expect(registry.versions(subject)).rejects.toMatchObject({ code: 'NAME_INVALID' })
    }
    expect(requests).toEqual([])
  })
})

describe('a schema that does not fit', () => {
  it('is refused with every reason, though the registry gives none', async () => {
    const { url } = await serveEmbedded()
    const { registry } = await openClient({ url })
    await registry.register('s', record(a))
    await expect(registry.register('s', record(b))).rejects.toMatchObject({
      code: 'SCHEMA_INCOMPATIBLE',
      message: expect.stringContaining('READER_FIELD_MISSING_DEFAULT_VALUE at /fields/0, backward with version 1'),
    })
    expect(await registry.check('s', record(b))).toEqual([
      {
        version: 1,
        direction: 'backward',
        kind: 'READER_FIELD_MISSING_DEFAULT_VALUE',
        path: '/fields/0',
        reason: "Field b is missing in the writer's R and has no default.",
      },
    ])
  })

  it('is refused in the registry’s own words where it knows better', async () => {
    const { url } = await scriptedRegistry(
      { body: { compatibilityLevel: 'FORWARD' } },
      { body: { is_compatible: false, messages: ['a rule of our own'] } },
      { body: { compatibilityLevel: 'FORWARD' } },
      { body: [4] },
      { body: { subject: 's', id: 1, version: 4, schema: '"string"' } },
    )
    const { registry } = await openClient({ url })
    expect(await registry.check('s', 'string')).toEqual([
      { version: 4, direction: 'forward', kind: 'REFUSED_BY_REGISTRY', path: '/', reason: 'a rule of our own' },
    ])
  })
})

describe('subjects', () => {
  it('are listed from a registry that knows pages, and from one that does not', async () => {
    const names = Array.from({ length: 1_500 }, (_, i) => `s${String(i).padStart(4, '0')}`)
    const paged = await scriptedRegistry({ body: names.slice(0, 1_000) }, { body: names.slice(1_000) })
    const { registry } = await openClient({ url: paged.url })
    expect(await registry.subjects({ after: 's1498' })).toEqual({ items: ['s1499'], next: null })
    expect(paged.requests.map(({ line }) => line)).toEqual([
      'GET /subjects?offset=0&limit=1000',
      'GET /subjects?offset=1000&limit=1000',
    ])
    const old = await scriptedRegistry({ body: names.slice(0, 1_000) })
    const { registry: other } = await openClient({ url: old.url })
    expect((await other.subjects({ limit: 2 })).next).toBe('s0001')
    expect(old.requests).toHaveLength(2)
  })
})

describe('a configuration', () => {
  const basic = { kind: 'basic', user: 'u', password: { env: 'NONE' } } as const
  it.each([
    ['a URL of no kind', { url: 'registry:8081' }, 'is not the URL'],
    ['a URL with a password', { url: 'http://u:secret@host' }, 'contains a user or password'],
    ['a URL with a query', { url: 'http://host/?a=1' }, 'is not the URL'],
    ['a secret that is not set', { url: 'http://host', auth: basic }, 'NONE is not set'],
    ['a key without certificate', { url: 'https://host', tls: { key: 'k.pem' } }, 'Only one of cert and key'],
    ['a file that is not there', { url: 'https://host', tls: { ca: '/none/ca.pem' } }, 'cannot be read'],
    ['TLS without https', { url: 'http://host', tls: { serverName: 'x' } }, 'not https:'],
    ['too many tries', { url: 'http://host', limits: { tries: 100 } }, 'out of range'],
  ])('with %s is refused', async (_, config, message) => {
    const error = await openClient(config).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) })
    expect(String(error)).not.toContain('secret@')
  })
})
