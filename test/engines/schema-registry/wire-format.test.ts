import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openEmbeddedRegistry } from '../../../src/adapters/embedded/registry/registry.ts'
import { createDecoder, createEncoder, type DecodedRecord } from '../../../src/engine/codec.ts'
import { avroSchema } from '../../../src/plan/avro.ts'
import type { SchemaRegistry } from '../../../src/ports/schema-registry.ts'
import { t } from '../../../src/sdk/types.ts'
import { serveOnLoopback } from '../../../src/server/loopback.ts'
import { registryRest } from '../../../src/server/registry-rest.ts'
import { temporaryDirectory } from '../../support.ts'
import { apicurioOfThisFile, openRegistry } from './apicurio.ts'
import { askConfluentClient, installConfluentClient } from './confluent-peer.ts'

const { node } = t.record('Purchase', {
  id: t.uuid(),
  note: t.text(),
  count: t.int(),
  total: t.long(),
  weight: t.double(),
  paid: t.boolean(),
  price: t.decimal(20, 4),
  at: t.timestamp(),
  state: t.enum('State', ['open', 'closed']),
  comment: t.optional(t.text()),
  discount: t.optional(t.decimal(6, 2)),
  seen: t.optional(t.timestamp()),
  buyer: t.record('Buyer', { name: t.text(), born: t.optional(t.timestamp()) }),
  tags: t.array(t.text()),
  states: t.array(t.enum('State', ['open', 'closed'])),
})

const full = {
  id: 'd9c3f0a2-7b1e-4c8d-9f10-2a3b4c5d6e7f',
  note: 'Zoë 李 🌊',
  count: -2_147_483_648,
  total: Number.MAX_SAFE_INTEGER,
  weight: -0.1,
  paid: true,
  price: '-1234567890123456.7890',
  at: new Date('2026-03-01T10:00:00.123Z'),
  state: 'closed',
  comment: 'late',
  discount: '12.50',
  seen: new Date('1969-12-31T23:59:59.999Z'),
  buyer: { name: 'Ada', born: new Date('1815-12-10T00:00:00Z') },
  tags: ['a', '', 'c'],
  states: ['open', 'closed'],
}
const empty = {
  ...{ id: '00000000-0000-0000-0000-000000000000', note: '', count: 0, total: 0, weight: 0, paid: false },
  ...{ price: '0.0000', at: new Date(0), state: 'open', comment: null, discount: null, seen: null },
  ...{ buyer: { name: '', born: null }, tags: [], states: [] },
}
/** Numbers at which two's complement takes another byte. */
const edges = ['0.0127', '0.0128', '-0.0127', '-0.0129', '3.2767', '3.2768'].map(price => ({ ...empty, price }))
const records: readonly DecodedRecord[] = [full, empty, ...edges]
/** -128 is one byte in ours and in Java; Confluent's client for Python writes the two bytes FF 80, which is the same number. */
const minus128: DecodedRecord = { ...empty, price: '-0.0128' }

/** A record as Confluent's client prints it. */
function asPrinted(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(asPrinted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asPrinted(each)]))
}

/** Python writes +00:00 for Z, and no fraction that is zero. */
function withIsoTimes(value: unknown): unknown {
  const text = JSON.stringify(value)
  return JSON.parse(
    text.replace(/"(\d{4}-\d\d-\d\dT[\d:.]+)\+00:00"/g, (_, time) =>
      JSON.stringify(new Date(`${time}Z`).toISOString()),
    ),
  )
}

const apicurio = apicurioOfThisFile()

const registries: { readonly [name: string]: () => Promise<{ registry: SchemaRegistry; url: string }> } = {
  Apicurio: async () => {
    const url = apicurio().address
    const registry = await openRegistry(url)
    onTestFinished(() => registry.close())
    return { registry, url }
  },
  'the embedded registry': async () => {
    const registry = openEmbeddedRegistry({ path: join(temporaryDirectory(), 'registry.db') })
    const server = await serveOnLoopback(registryRest(registry), 0)
    onTestFinished(async () => {
      await server.close()
      await registry.close()
    })
    return { registry, url: server.url }
  },
}

describe.each(Object.keys(registries))('with %s', name => {
  it('records are, byte for byte, what Confluent’s serialiser writes, and each reads what the other wrote', async () => {
    const python = installConfluentClient()
    const { registry, url } = await registries[name]!()
    const avro = avroSchema(node)
    // So that no id is 1 by accident.
    await registry.register('other-value', 'string')
    const { id } = await registry.register('purchases-value', avro)
    const encoder = createEncoder({ node, avro, schemaId: id })
    const base64 = (record: DecodedRecord) => encoder.encode(record).toString('base64')
    const encoded = records.map(base64)

    const theirs = await askConfluentClient(python, {
      url,
      topic: 'purchases',
      schema: JSON.stringify(avro),
      decode: [...encoded, base64(minus128)],
      encode: [...records, minus128].map(asPrinted),
    })
    expect(withIsoTimes(theirs.decoded)).toEqual([...records, minus128].map(asPrinted))
    expect(theirs.encoded.slice(0, -1)).toEqual(encoded)

    const decoder = createDecoder({ node, avro, registry })
    const values = theirs.encoded.map(text => Buffer.from(text, 'base64'))
    await decoder.prepare(values.map(value => ({ value })))
    expect(values.map(value => decoder.decode(value))).toEqual([...records, minus128])
  })
})
