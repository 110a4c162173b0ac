import { describe, expect, it } from 'vitest'
import { mayRepeat } from '../../../src/adapters/schema-registry/client.ts'
import { refusal } from '../../../src/adapters/schema-registry/refusal.ts'
import { SchemaCache } from '../../../src/adapters/schema-registry/schema-cache.ts'
import { MillraceError } from '../../../src/sdk/errors.ts'

const get = { method: 'GET', path: '/subjects' } as const
const answer = (status: number, body: unknown, retryAfter: string | null = null) => ({
  status,
  retryAfter,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

describe('what a registry’s error means', () => {
  it.each([
    [404, 40401, 'SUBJECT_UNKNOWN'],
    [404, 40402, 'SCHEMA_VERSION_UNKNOWN'],
    [404, 40403, 'SCHEMA_UNKNOWN'],
    [404, 40404, 'SUBJECT_SOFT_DELETED'],
    [404, 40405, 'SUBJECT_NOT_SOFT_DELETED'],
    [409, 40405, 'SUBJECT_NOT_SOFT_DELETED'],
    [404, 40406, 'SUBJECT_SOFT_DELETED'],
    [404, 40407, 'SUBJECT_NOT_SOFT_DELETED'],
    [409, 409, 'SCHEMA_INCOMPATIBLE'],
    [422, 42201, 'SCHEMA_INVALID'],
    [422, 42202, 'SCHEMA_VERSION_UNKNOWN'],
    [422, 42203, 'COMPATIBILITY_INVALID'],
    [422, 42205, 'REGISTRY_REFUSED'],
    [422, 42206, 'SCHEMA_REFERENCED'],
    [401, 401, 'REGISTRY_REFUSED'],
    [403, 40301, 'REGISTRY_REFUSED'],
    [429, 42901, 'REGISTRY_FAILED'],
    [500, 50001, 'REGISTRY_FAILED'],
    [500, 0, 'REGISTRY_FAILED'],
  ])('%i with %i is %s', (status, errorCode, code) => {
    const error = refusal(answer(status, { error_code: errorCode, message: 'why' }), get, 'http://r', 0)
    expect(error).toMatchObject({ code, message: expect.stringContaining('why'), place: 'http://r', errorCode })
  })

  it('does not take a page that is not there for a schema that is not there', () => {
    const error = refusal(answer(404, '<html>Not Found</html>'), get, 'http://r', 0)
    expect(error).toMatchObject({ code: 'REGISTRY_REFUSED', fix: expect.stringContaining('/apis/ccompat/v7') })
  })

  it('knows whether a change may have been made', () => {
    const put = { method: 'PUT', path: '/config' } as const
    expect(refusal(answer(500, {}), put, '', 0).outcome).toBe('unknown')
    expect(refusal(answer(429, {}), put, '', 0).outcome).toBe('failed')
    expect(refusal(answer(500, {}), get, '', 0).outcome).toBe('failed')
  })

  it.each([
    ['2', 2_000],
    ['Thu, 01 Jan 1970 00:00:09 GMT', 4_000],
    ['soon', null],
  ])('reads Retry-After: %s', (header, ms) => {
    expect(refusal(answer(503, {}, header), get, '', 5_000).retryAfterMs).toBe(ms)
  })
})

describe('a call is repeated', () => {
  const failed = (facts = {}) => new MillraceError('REGISTRY_FAILED', 'x', facts)

  it('unless it is a deletion that may have been done', () => {
    const deletion = { method: 'DELETE', path: '/subjects/s' } as const
    expect(mayRepeat(deletion, failed({ outcome: 'unknown' }))).toBe(false)
    expect(mayRepeat(deletion, failed())).toBe(true)
    expect(mayRepeat({ ...deletion, method: 'POST' }, failed({ outcome: 'unknown' }))).toBe(true)
  })
})

describe('the cache of schemas', () => {
  const stored = (id: number) => ({ id, schema: 'string', references: [] })

  it('forgets what was used longest ago when it is full', () => {
    const cache = new SchemaCache(30)
    for (const id of [1, 2, 3]) cache.set(stored(id), 10)
    expect(cache.get(1)).toEqual(stored(1))
    cache.set(stored(4), 10)
    expect([1, 2, 3, 4].map(id => cache.get(id)?.id)).toEqual([1, undefined, 3, 4])
  })

  it('does not keep a schema larger than itself', () => {
    const cache = new SchemaCache(30)
    cache.set(stored(1), 31)
    expect(cache.get(1)).toBeUndefined()
  })

  it('counts a schema once', () => {
    const cache = new SchemaCache(30)
    for (const id of [1, 1, 1, 2, 3]) cache.set(stored(id), 10)
    expect(cache.get(1)?.id).toBe(1)
  })
})
