import { describe, expect, it, onTestFinished } from 'vitest'
import { schemaRegistryConformance } from '../../../src/testing/schema-registry-conformance.ts'
import { apicurioOfThisFile, openRegistry } from './apicurio.ts'

const apicurio = apicurioOfThisFile()

describe('the REST adapter over Apicurio keeps the rules of every schema registry', () => {
  let opened = 0
  const cases = schemaRegistryConformance(async () => {
    const registry = await openRegistry(apicurio().address)
    const other = await openRegistry(apicurio().address)
    const close = async () => {
      await registry.close()
      await other.close()
    }
    opened += 1
    return { registry, other, prefix: `rule-${opened}-`, close }
  })
  for (const { rule, check } of cases) it(rule, check)
})

describe('the REST adapter, when Apicurio', () => {
  const open = async () => {
    const registry = await openRegistry(apicurio().address)
    onTestFinished(() => registry.close())
    return registry
  }

  it('is killed, says to try later, goes on with what it knows by heart, and with the rest once it is back', async () => {
    const registry = await open()
    const { id } = await registry.register('killed', 'string')
    await registry.byId(id)
    await apicurio().kill()
    expect((await registry.byId(id)).schema).toBe('string')
    await expect(registry.versions('killed')).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE', retry: 'later' })
    await apicurio().start()
    expect(await registry.versions('killed')).toEqual([1])
  })

  it('hangs, gives up in time, and finds what was registered meanwhile registered', async () => {
    const registry = await open()
    await registry.subjects()
    apicurio().signal('SIGSTOP')
    const registering = registry.register('hung', 'string')
    const resume = setTimeout(() => apicurio().signal('SIGCONT'), 2_500)
    onTestFinished(() => clearTimeout(resume))
    expect((await registering).version).toBe(1)
    expect(await registry.versions('hung')).toEqual([1])
  })

  it('gives no reasons, finds them itself', async () => {
    const registry = await open()
    await registry.register('reasons', { type: 'record', name: 'R', fields: [] })
    const next = { type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }] }
    expect(await registry.check('reasons', next)).toMatchObject([
      { version: 1, direction: 'backward', kind: 'READER_FIELD_MISSING_DEFAULT_VALUE', path: '/fields/0' },
    ])
    await expect(registry.register('reasons', next)).rejects.toMatchObject({
      code: 'SCHEMA_INCOMPATIBLE',
      message: expect.stringContaining('READER_FIELD_MISSING_DEFAULT_VALUE at /fields/0'),
    })
  })

  it('has a path of its own, says so when it is left out', async () => {
    const registry = await openRegistry(new URL(apicurio().address).origin)
    onTestFinished(() => registry.close())
    await expect(registry.byId(1)).rejects.toMatchObject({
      code: 'REGISTRY_REFUSED',
      fix: expect.stringContaining('/apis/ccompat/v7'),
    })
  })
})
