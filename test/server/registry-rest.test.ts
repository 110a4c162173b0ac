import { request } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openEmbeddedRegistry } from '../../src/adapters/embedded/registry/registry.ts'
import { serveOnLoopback } from '../../src/server/loopback.ts'
import { registryRest } from '../../src/server/registry-rest.ts'
import { temporaryDirectory } from '../support.ts'

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly body: unknown
}

async function serve() {
  const registry = openEmbeddedRegistry({ path: join(temporaryDirectory(), 'registry.db') })
  const server = await serveOnLoopback(registryRest(registry), 0)
  onTestFinished(async () => {
    await server.close()
    await registry.close()
  })
  const call = async (line: string, body?: unknown): Promise<Answer> => {
    const [method = '', path = ''] = line.split(' ')
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(server.url + path, { method, ...(text === undefined ? {} : { body: text }) })
    return { status: response.status, type: response.headers.get('content-type'), body: await response.json() }
  }
  return { call, server }
}

const schema = (...fields: readonly object[]) => ({ schema: JSON.stringify({ type: 'record', name: 'R', fields }) })
const a = { name: 'a', type: 'int' }
const b = { name: 'b', type: 'string' }

describe('the REST API of a registry', () => {
  it('registers a schema and finds it again, as Confluent’s answers have it', async () => {
    const { call } = await serve()
    const text = schema(a).schema
    const answers = [
      await call('POST /subjects/s/versions', schema(a)),
      await call('POST /subjects/s', schema(a)),
      await call('GET /subjects/s/versions/latest'),
      await call('GET /schemas/ids/1'),
      await call('GET /schemas/ids/1/schema'),
      await call('GET /subjects/s/versions'),
      await call('GET /subjects'),
      await call('DELETE /subjects/s/versions/latest'),
    ]
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(answers[0]!.type).toBe('application/vnd.schemaregistry.v1+json')
    expect(answers.map(({ body }) => body)).toEqual([
      { id: 1 },
      { subject: 's', version: 1, id: 1, schema: text },
      { subject: 's', version: 1, id: 1, schema: text },
      { schema: text },
      JSON.parse(text),
      [1],
      ['s'],
      1,
    ])
  })

  it.each<[string, unknown, number, number]>([
    ['GET /subjects/none/versions', undefined, 404, 40401],
    ['POST /subjects/none', schema(a), 404, 40401],
    ['GET /subjects/s/versions/9', undefined, 404, 40402],
    ['GET /schemas/ids/99', undefined, 404, 40403],
    ['GET /schemas/ids/x', undefined, 404, 40403],
    ['POST /subjects/s', schema(a, b), 404, 40403],
    ['DELETE /subjects/s?permanent=true', undefined, 404, 40405],
    ['DELETE /subjects/s/versions/1?permanent=true', undefined, 404, 40407],
    ['POST /subjects/s/versions', schema(b), 409, 409],
    ['POST /subjects/s/versions', { schema: '{' }, 422, 42201],
    ['POST /subjects/s/versions', {}, 422, 42201],
    ['POST /subjects/s/versions', { schema: '{}', schemaType: 'JSON' }, 422, 42201],
    ['POST /subjects/s/versions', { ...schema(a), references: [{ name: 'x' }] }, 422, 42201],
    ['POST /subjects/s/versions', 'not JSON', 400, 400],
    ['GET /subjects/s/versions/0', undefined, 422, 42202],
    ['GET /subjects/s/versions?deleted=true', undefined, 422, 422],
    ['PUT /config/s', { compatibility: 'SIDEWAYS' }, 422, 42203],
    ['GET /subjects/%E0/versions', undefined, 400, 400],
    ['GET /nothing', undefined, 404, 404],
    ['PUT /subjects', undefined, 405, 405],
  ])('answers %s %j with %i and the code %i', async (line, body, status, errorCode) => {
    const { call } = await serve()
    await call('POST /subjects/s/versions', schema(a))
    expect(await call(line, body)).toMatchObject({
      status,
      body: { error_code: errorCode, message: expect.any(String) },
    })
  })

  it('tells subjects and versions that were soft-deleted before', async () => {
    const { call } = await serve()
    await call('POST /subjects/s/versions', schema(a))
    await call('DELETE /subjects/s/versions/1')
    expect((await call('DELETE /subjects/s/versions/1')).body).toMatchObject({ error_code: 40406 })
    expect((await call('DELETE /subjects/s')).body).toMatchObject({ error_code: 40404 })
    expect((await call('GET /subjects?deleted=true')).body).toEqual(['s'])
  })

  it('checks against the versions of the level, or against one', async () => {
    const { call } = await serve()
    await call('POST /subjects/s/versions', schema(a))
    await call('POST /subjects/s/versions', schema(a, { ...b, default: '' }))
    await call('PUT /config/s', { compatibility: 'BACKWARD_TRANSITIVE' })
    const check = async (path: string) => (await call(`POST /compatibility/subjects/${path}`, schema(a, b))).body
    const reason = expect.stringContaining('READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1, backward with version 1')
    expect(await check('s/versions')).toEqual({ is_compatible: false })
    expect(await check('s/versions?verbose=true')).toEqual({ is_compatible: false, messages: [reason] })
    expect(await check('s/versions/1?verbose=true')).toEqual({ is_compatible: false, messages: [reason] })
    expect(await check('s/versions/latest?verbose=true')).toEqual({ is_compatible: true, messages: [] })
    expect(await check('none/versions/latest')).toEqual({ is_compatible: true })
    expect(await check('none/versions/1')).toMatchObject({ error_code: 40401 })
  })

  it('sets levels and takes them away', async () => {
    const { call } = await serve()
    expect((await call('PUT /config', { compatibility: 'FULL' })).body).toEqual({ compatibility: 'FULL' })
    expect((await call('PUT /config/s', { compatibility: 'NONE' })).body).toEqual({ compatibility: 'NONE' })
    expect((await call('GET /config/s')).body).toEqual({ compatibilityLevel: 'NONE' })
    expect((await call('DELETE /config/s')).body).toEqual({ compatibilityLevel: 'NONE' })
    expect((await call('GET /config/s')).body).toEqual({ compatibilityLevel: 'FULL' })
  })

  it('lists subjects by offset, limit and prefix', async () => {
    const { call } = await serve()
    for (const name of ['a-1', 'a-2', 'a%2F3', 'b']) await call(`POST /subjects/${name}/versions`, schema(a))
    expect((await call('GET /subjects?subjectPrefix=a&offset=1&limit=1')).body).toEqual(['a-2'])
    expect((await call('GET /subjects?limit=-1')).body).toEqual(['a-1', 'a-2', 'a/3', 'b'])
    expect((await call('GET /subjects?limit=x')).status).toBe(400)
  })

  it('is not for web pages', async () => {
    const { server } = await serve()
    const status = (headers: { readonly [name: string]: string }) =>
      new Promise(resolve => {
        request(`${server.url}/subjects`, { headers }, response => {
          response.resume()
          resolve(response.statusCode)
        }).end()
      })
    expect(await status({})).toBe(200)
    expect(await status({ origin: 'https://example.com' })).toBe(403)
    expect(await status({ host: 'example.com' })).toBe(403)
  })
})
