import { describe, expect, it } from 'vitest'
import { MillraceError } from '../../src/sdk/errors.ts'
import { t } from '../../src/sdk/types.ts'

describe('t', () => {
  it.each<[string, () => unknown]>([
    ['a precision of 0', () => t.decimal(0, 0)],
    ['a precision of 39', () => t.decimal(39, 0)],
    ['a broken precision', () => t.decimal(1.5, 0)],
    ['a scale above the precision', () => t.decimal(4, 5)],
    ['a negative scale', () => t.decimal(4, -1)],
    ['an enum without symbols', () => t.enum('E', [])],
    ['an enum with a symbol twice', () => t.enum('E', ['a', 'a'])],
    ['a symbol with a space', () => t.enum('E', ['not ready'])],
    ['a record without fields', () => t.record('R', {})],
    ['a record with a space in its name', () => t.record('My record', { a: t.int() })],
    ['a field that starts with a digit', () => t.record('R', { '1st': t.int() })],
    ['a field called __proto__', () => t.record('R', JSON.parse('{"__proto__":1}'))],
    ['optional twice', () => t.optional(t.optional(t.int()))],
  ])('refuses %s with TYPE_INVALID and a fix', (_, declare) => {
    expect(declare).toThrow(MillraceError)
    expect(declare).toThrow(expect.objectContaining({ code: 'TYPE_INVALID', fix: expect.stringMatching(/\.$/) }))
  })

  it('gives plain JSON nodes', () => {
    const order = t.record('Order', { id: t.uuid(), total: t.decimal(12, 2), note: t.optional(t.text()) })
    expect(JSON.parse(JSON.stringify(order.node))).toEqual({
      kind: 'record',
      name: 'Order',
      fields: [
        { name: 'id', type: { kind: 'uuid' } },
        { name: 'total', type: { kind: 'decimal', precision: 12, scale: 2 } },
        { name: 'note', type: { kind: 'optional', of: { kind: 'text' } } },
      ],
    })
  })

  it('lets the fields of a record be spread into another', () => {
    const small = t.record('Small', { a: t.int() })
    expect(t.record('Large', { ...small.fields, b: t.text() }).node.fields.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  it('cannot be changed', () => {
    const type = t.record('R', { a: t.int() })
    expect(() => Object.assign(type, { node: null })).toThrow(TypeError)
    expect(() => Object.assign(type.fields, { b: null })).toThrow(TypeError)
  })
})

describe('Standard Schema', () => {
  const order = t.record('Order', { id: t.int(), items: t.array(t.record('Item', { price: t.decimal(6, 2) })) })
  const standard = order['~standard']

  it('names its version and vendor', () => {
    expect(standard).toMatchObject({ version: 1, vendor: 'millrace' })
  })

  it('gives the clean value', () => {
    expect(standard.validate({ id: 1, items: [{ price: 2 }], more: 1 })).toEqual({
      value: { id: 1, items: [{ price: '2.00' }] },
    })
  })

  it('gives issues with message and path', () => {
    expect(standard.validate({ id: 'a', items: [{ price: 'b' }] })).toEqual({
      issues: [
        { message: 'expected a whole number of 32 bits, found "a"', path: ['id'] },
        {
          message: 'expected a decimal of at most 4 digits before the point and 2 after, found "b"',
          path: ['items', 0, 'price'],
        },
      ],
    })
  })
})
