import { Buffer } from 'node:buffer'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openEmbeddedRegistry } from '../../../../src/adapters/embedded/registry/registry.ts'
import type { Json } from '../../../../src/sdk/json.ts'
import { schemaRegistryConformance } from '../../../../src/testing/schema-registry-conformance.ts'
import { temporaryDirectory } from '../../../support.ts'

function open(path = join(temporaryDirectory(), 'registry.db')) {
  const registry = openEmbeddedRegistry({ path })
  const close = () => registry.close()
  onTestFinished(close)
  return { registry, path, close }
}

const record = (...fields: readonly Json[]): Json => ({ type: 'record', name: 'R', fields })
const a: Json = { name: 'a', type: 'int' }
const b: Json = { name: 'b', type: 'string' }

describe('the embedded registry keeps the rules of every schema registry', () => {
  const cases = schemaRegistryConformance(async () => {
    const first = open()
    const second = open(first.path)
    const close = async () => {
      await first.close()
      await second.close()
    }
    return { registry: first.registry, other: second.registry, prefix: '', close }
  })
  for (const { rule, check } of cases) it(rule, check)
})

describe('the embedded registry', () => {
  it('starts with BACKWARD for all subjects, and goes back to it', async () => {
    const { registry } = open()
    expect(await registry.compatibility()).toBe('BACKWARD')
    await registry.setCompatibility('FULL')
    expect(await registry.compatibility('any')).toBe('FULL')
    await registry.setCompatibility(null)
    expect(await registry.compatibility('any')).toBe('BACKWARD')
  })

  it('reports every incompatibility with version, direction, kind, path and reason', async () => {
    const { registry } = open()
    await registry.register('s', record(a))
    await registry.setCompatibility('FULL_TRANSITIVE')
    expect(await registry.check('s', record({ name: 'a', type: 'string' }, b))).toEqual([
      {
        version: 1,
        direction: 'backward',
        kind: 'TYPE_MISMATCH',
        path: '/fields/0/type',
        reason: "The writer's int cannot be read as string.",
      },
      {
        version: 1,
        direction: 'backward',
        kind: 'READER_FIELD_MISSING_DEFAULT_VALUE',
        path: '/fields/1',
        reason: "Field b is missing in the writer's R and has no default.",
      },
      {
        version: 1,
        direction: 'forward',
        kind: 'TYPE_MISMATCH',
        path: '/fields/0/type',
        reason: "The writer's string cannot be read as int.",
      },
    ])
    await expect(registry.register('s', record(b))).rejects.toMatchObject({
      code: 'SCHEMA_INCOMPATIBLE',
      message: expect.stringContaining('READER_FIELD_MISSING_DEFAULT_VALUE at /fields/0, backward with version 1'),
    })
  })

  it('has schemas that differ in a doc, an alias or a default of null for different ones, as Confluent does', async () => {
    const { registry } = open()
    const ids: number[] = []
    for (const extra of [{}, { doc: 'd' }, { aliases: ['c'] }, { default: null }]) {
      ids.push((await registry.register('s', record({ name: 'a', type: ['null', 'int'], ...extra }))).id)
    }
    expect(new Set(ids).size).toBe(4)
    expect(await registry.versions('s')).toEqual([1, 2, 3, 4])
  })

  it('lets a schema be soft-deleted when those that refer to it are', async () => {
    const { registry } = open()
    const reference = { name: 'R', subject: 'r', version: 1 }
    await registry.register('r', record(a))
    await registry.register('s', { type: 'array', items: 'R' }, [reference])
    await registry.deleteSubject('s')
    expect(await registry.deleteSubject('r')).toEqual([1])
    await expect(registry.deleteSubject('r', { permanent: true })).rejects.toMatchObject({ code: 'SCHEMA_REFERENCED' })
  })

  it('names the place of what makes a schema invalid', async () => {
    const { registry } = open()
    await expect(registry.register('s', record(a, { name: 'b', type: 'wat' }))).rejects.toMatchObject({
      code: 'SCHEMA_INVALID',
      place: '/fields/1/type',
    })
  })

  it('never gives an id twice, not even when its schema is deleted for good', async () => {
    const { registry } = open()
    const { id } = await registry.register('s', record(a))
    await registry.deleteSubject('s')
    await registry.deleteSubject('s', { permanent: true })
    await expect(registry.byId(id)).rejects.toMatchObject({ code: 'SCHEMA_UNKNOWN' })
    const again = await registry.register('s', record(a))
    expect(again.id).toBeGreaterThan(id)
    expect(again.version).toBe(1)
  })

  it('keeps a schema that another subject still has', async () => {
    const { registry } = open()
    const { id } = await registry.register('s', record(a))
    await registry.register('t', record(a))
    await registry.deleteSubject('s')
    await registry.deleteSubject('s', { permanent: true })
    expect((await registry.byId(id)).id).toBe(id)
  })

  it('says of a second soft delete that it is one', async () => {
    const { registry } = open()
    await registry.register('s', record(a))
    await registry.deleteVersion('s', 1)
    await expect(registry.deleteVersion('s', 1)).rejects.toMatchObject({ code: 'SUBJECT_SOFT_DELETED' })
    await expect(registry.deleteSubject('s')).rejects.toMatchObject({ code: 'SUBJECT_SOFT_DELETED' })
  })

  it('forgets the level of a subject deleted for good', async () => {
    const { registry } = open()
    await registry.register('s', record(a))
    await registry.setCompatibility('NONE', 's')
    await registry.deleteSubject('s')
    expect(await registry.compatibility('s')).toBe('NONE')
    await registry.deleteSubject('s', { permanent: true })
    expect(await registry.compatibility('s')).toBe('BACKWARD')
  })

  it('brings the types of references of references, each once', async () => {
    const { registry } = open()
    const street = { type: 'record', name: 'Street', fields: [] }
    await registry.register('street', street)
    const toStreet = { name: 'Street', subject: 'street', version: 1 }
    await registry.register('address', { type: 'record', name: 'Address', fields: [{ name: 's', type: 'Street' }] }, [
      toStreet,
    ])
    const toAddress = { name: 'Address', subject: 'address', version: 1 }
    const house = record({ name: 'a', type: 'Address' }, { name: 's', type: 'Street' })
    const { id } = await registry.register('house', house, [toAddress, toStreet])
    expect((await registry.byId(id)).schema).toEqual(house)
  })

  it('refuses an unusable subject, and a schema too large', async () => {
    const { registry } = open()
    await expect(registry.register('', record(a))).rejects.toMatchObject({ code: 'NAME_INVALID' })
    await expect(
      registry.register('s', record({ ...(a as object), doc: 'x'.repeat(1_100_000) })),
    ).rejects.toMatchObject({
      code: 'SCHEMA_INVALID',
    })
  })

  it('finds everything again after closing and opening', async () => {
    const { registry, path, close } = open()
    const { id } = await registry.register('s', record(a))
    await registry.setCompatibility('FULL', 's')
    await close()
    const reopened = open(path).registry
    expect(await reopened.byId(id)).toMatchObject({ id, schema: record(a) })
    expect(await reopened.compatibility('s')).toBe('FULL')
  })

  it('refuses a file of a newer version, and one that is no database', async () => {
    const { path, close } = open()
    await close()
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 99')
    database.close()
    expect(() => openEmbeddedRegistry({ path })).toThrow(expect.objectContaining({ code: 'STATE_VERSION' }))
    const text = join(temporaryDirectory(), 'registry.db')
    writeFileSync(text, Buffer.alloc(8_192, 'not a database '))
    expect(() => openEmbeddedRegistry({ path: text })).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }))
  })

  it('gives each schema one id and each version one number with processes and threads at once', async () => {
    const path = join(temporaryDirectory(), 'registry.db')
    const module = new URL('../../../../src/adapters/embedded/registry/registry.ts', import.meta.url).href
    const script = `
      const { openEmbeddedRegistry } = await import(${JSON.stringify(module)})
      const registry = openEmbeddedRegistry({ path: ${JSON.stringify(path)} })
      await registry.setCompatibility('NONE', 's')
      for (let i = 0; i < 25; i++) {
        const field = { name: 'f' + i, type: 'int' }
        await registry.register('s', { type: 'record', name: 'R', fields: [field] })
      }
      await registry.close()`
    const threads = [1, 2].map(() => new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`)))
    const processes = [1, 2].map(() =>
      spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' }),
    )
    const exits = await Promise.all([...threads, ...processes].map(each => once(each, 'exit')))
    expect(exits.map(([code]) => code)).toEqual([0, 0, 0, 0])
    const { registry } = open(path)
    const versions = await registry.versions('s')
    expect(versions).toEqual(Array.from({ length: 25 }, (_, index) => index + 1))
    const ids = await Promise.all(versions.map(async version => (await registry.version('s', version)).id))
    expect(new Set(ids).size).toBe(25)
  })
})
