import avsc from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { avroSchema } from '../../src/plan/avro.ts'
import { t } from '../../src/sdk/types.ts'
import { arbitraryRecord } from '../sdk/arbitrary-types.ts'

describe('the Avro schema of a record', () => {
  it('has a type for each kind', () => {
    const address = t.record('Address', { city: t.text() })
    const status = t.enum('Status', ['new', 'paid'])
    const order = t.record('Order', {
      id: t.uuid(),
      name: t.text(),
      ok: t.boolean(),
      count: t.int(),
      number: t.long(),
      ratio: t.double(),
      total: t.decimal(12, 2),
      at: t.timestamp(),
      status,
      note: t.optional(t.text()),
      tags: t.array(t.text()),
      home: t.optional(address),
    })
    expect(avroSchema(order.node, 'shop')).toEqual({
      type: 'record',
      name: 'Order',
      namespace: 'shop',
      fields: [
        { name: 'id', type: { type: 'string', logicalType: 'uuid' } },
        { name: 'name', type: 'string' },
        { name: 'ok', type: 'boolean' },
        { name: 'count', type: 'int' },
        { name: 'number', type: 'long' },
        { name: 'ratio', type: 'double' },
        { name: 'total', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 } },
        { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
        { name: 'status', type: { type: 'enum', name: 'Status', symbols: ['new', 'paid'] } },
        { name: 'note', type: ['null', 'string'], default: null },
        { name: 'tags', type: { type: 'array', items: 'string' } },
        {
          name: 'home',
          type: ['null', { type: 'record', name: 'Address', fields: [{ name: 'city', type: 'string' }] }],
          default: null,
        },
      ],
    })
  })

  it('defines a type that occurs twice only once', () => {
    const address = t.record('Address', { city: t.text() })
    const { fields } = avroSchema(t.record('Order', { from: address, to: t.optional(address) }).node)
    expect(fields).toMatchObject([
      { name: 'from', type: { type: 'record', name: 'Address' } },
      { name: 'to', type: ['null', 'Address'] },
    ])
  })

  it('is valid Avro for any record', () => {
    fc.assert(
      fc.property(
        // Every name once: the plan refuses two different types of one name.
        arbitraryRecord(1).filter(({ node }) => (JSON.stringify(node).match(/"name":"[RE]"/g) ?? []).length <= 1),
        ({ node }) => {
          avsc.Type.forSchema(avroSchema(node) as never)
        },
      ),
    )
  })
})
