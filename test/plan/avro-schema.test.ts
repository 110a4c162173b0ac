import { describe, expect, it } from 'vitest'
import { canonicalAvro } from '../../src/plan/avro-canonical.ts'
import { type AvroNamed, parseAvro } from '../../src/plan/avro-schema.ts'
import type { Json } from '../../src/sdk/json.ts'

const record = (...fields: readonly Json[]): Json => ({ type: 'record', name: 'R', fields })
const field = (type: Json, more: object = {}): Json => ({ name: 'f', type, ...more })
const canonical = (schema: Json) => canonicalAvro(parseAvro(schema).type)

describe('a schema is invalid, with the place named, when', () => {
  const invalid: readonly (readonly [what: string, place: string, schema: Json])[] = [
    ['it is null', '/', null],
    ['it has no type', '/', {}],
    ['a type is unknown', '/', 'strin'],
    [
      'a type is used before it is defined',
      '/fields/0/type',
      record(field('Later'), { name: 'g', type: { type: 'enum', name: 'Later', symbols: ['A'] } }),
    ],
    ['a union is empty', '/', []],
    ['a union holds a union', '/1', ['null', ['int']]],
    ['a union holds a type twice', '/1', ['int', { type: 'int', logicalType: 'date' }]],
    [
      'a union holds two arrays',
      '/1',
      [
        { type: 'array', items: 'int' },
        { type: 'array', items: 'string' },
      ],
    ],
    ['an array has no items', '/', { type: 'array' }],
    ['a map has no values', '/', { type: 'map' }],
    ['a record has no name', '/', { type: 'record', fields: [] }],
    ['a record has no fields', '/', { type: 'record', name: 'R' }],
    ['a name has a hyphen', '/', { type: 'record', name: 'my-record', fields: [] }],
    ['a namespace has an empty part', '/', { type: 'record', name: 'R', namespace: 'a..b', fields: [] }],
    ['a type is named after a primitive', '/', { type: 'record', name: 'string', fields: [] }],
    ['a type is defined twice', '/fields/0/type', record(field({ type: 'fixed', name: 'R', size: 1 }))],
    ['a field is no object', '/fields/0', record('int')],
    ['a field has no name', '/fields/0', record({ type: 'int' })],
    ['a field has no type', '/fields/0', record({ name: 'f' })],
    ['a field name starts with a digit', '/fields/0', record({ name: '1', type: 'int' })],
    ['two fields have one name', '/fields/1', record(field('int'), field('string'))],
    ['an order is unknown', '/fields/0/order', record(field('int', { order: 'up' }))],
    ['aliases are no list', '/fields/0/aliases', record(field('int', { aliases: 'a' }))],
    ['an alias is no name', '/aliases/0', { type: 'fixed', name: 'F', size: 1, aliases: ['a-b'] }],
    ['an enum has no symbols', '/', { type: 'enum', name: 'E' }],
    ['an enum repeats a symbol', '/symbols', { type: 'enum', name: 'E', symbols: ['A', 'A'] }],
    ['an enum symbol is no name', '/symbols/0', { type: 'enum', name: 'E', symbols: ['a b'] }],
    ['an enum default is no symbol', '/default', { type: 'enum', name: 'E', symbols: ['A'], default: 'B' }],
    ['a fixed has no whole size', '/size', { type: 'fixed', name: 'F', size: 1.5 }],
    ['a fixed has a negative size', '/size', { type: 'fixed', name: 'F', size: -1 }],
    ['a default has another type', '/fields/0/default', record(field('int', { default: 'x' }))],
    ['a default of int has 33 bits', '/fields/0/default', record(field('int', { default: 2 ** 31 }))],
    [
      'a default of a union is of its second branch',
      '/fields/0/default',
      record(field(['null', 'int'], { default: 1 })),
    ],
    ['a default of bytes is no byte text', '/fields/0/default', record(field('bytes', { default: '€' }))],
    [
      'a default of fixed has another length',
      '/fields/0/default',
      record(field({ type: 'fixed', name: 'F', size: 2 }, { default: 'a' })),
    ],
    [
      'a default of an array has a wrong item',
      '/fields/0/default',
      record(field({ type: 'array', items: 'int' }, { default: [1, null] })),
    ],
    [
      'a default of a record lacks a field',
      '/fields/0/default',
      record(field({ type: 'record', name: 'S', fields: [{ name: 'a', type: 'int' }] }, { default: {} })),
    ],
    ['a default contains itself for ever', '/fields/0/default', record(field('R', { default: {} }))],
    [
      'it is nested too deep',
      expect.stringContaining('/items/items') as unknown as string,
      Array.from({ length: 150 }).reduce<Json>(items => ({ type: 'array', items }), 'int'),
    ],
  ]
  for (const [what, place, schema] of invalid) {
    it(what, () => {
      expect(() => parseAvro(schema)).toThrow(expect.objectContaining({ code: 'SCHEMA_INVALID', place }))
    })
  }

  it('it defines more types than can be walked', () => {
    const fields = Array.from({ length: 1_001 }, (_, index) => ({
      name: `f${index}`,
      type: { type: 'fixed', name: `F${index}`, size: 1 },
    }))
    expect(() => parseAvro(record(...fields))).toThrow(/too many/)
  })
})

describe('a schema is valid', () => {
  const valid: readonly (readonly [what: string, schema: Json])[] = [
    ['as a primitive', 'string'],
    ['with a primitive as an object', { type: 'string' }],
    ['with a type inside a type', { type: { type: 'array', items: 'int' } }],
    ['when it uses itself', record(field(['null', 'R'], { default: null }))],
    [
      'with a namespace that inner names inherit',
      {
        type: 'record',
        name: 'a.b.R',
        fields: [
          { name: 'x', type: { type: 'fixed', name: 'F', size: 1 } },
          { name: 'y', type: 'F' },
          { name: 'z', type: 'a.b.F' },
        ],
      },
    ],
    [
      'with a name outside any namespace, used inside one',
      record(field({ type: 'record', name: 'n.S', fields: [{ name: 'r', type: ['null', 'R'] }] })),
    ],
    ['with a default of the first branch of a union', record(field(['string', 'null'], { default: '' }))],
    [
      'with a default record that leaves fields to their defaults',
      record(field({ type: 'record', name: 'S', fields: [{ name: 'a', type: 'int', default: 1 }] }, { default: {} })),
    ],
    [
      'with a logical type that makes no sense, which Avro ignores',
      record(field({ type: 'bytes', logicalType: 'decimal', precision: -1 })),
    ],
  ]
  for (const [what, schema] of valid) it(what, () => void parseAvro(schema))

  it('with types that another schema defines, if it is given', () => {
    const { named } = parseAvro({ type: 'fixed', name: 'n.F', size: 1 })
    expect(parseAvro(record(field('n.F')), { known: named }).named.get('n.F')).toBe(named.get('n.F') as AvroNamed)
    expect(() => parseAvro(record(field('n.F')))).toThrow(/not defined/)
  })

  it('with defaults that do not fit, where another registry has accepted it', () => {
    expect(parseAvro(record(field('int', { default: 'x' })), { checkDefaults: false }).type.kind).toBe('record')
  })
})

describe('the canonical form', () => {
  it('does not depend on key order or on how names and primitives are written', () => {
    const one = { name: 'n.R', type: 'record', fields: [{ type: { type: 'int' }, name: 'f', order: 'ascending' }] }
    const other = { type: 'record', namespace: 'n', fields: [{ name: 'f', type: 'int' }], name: 'R' }
    expect(JSON.stringify(canonical(one))).toBe(JSON.stringify(canonical(other)))
  })

  it('keeps what tells two schemas apart for a registry', () => {
    const plain = record(field('int'))
    const forms = [
      plain,
      { ...(plain as object), doc: 'd' },
      { ...(plain as object), aliases: ['S'] },
      { ...(plain as object), 'x-owner': 'me' },
      record(field('int', { doc: 'd' })),
      record(field('int', { default: 1 })),
      record(field('int', { aliases: ['g'] })),
      record(field('int', { order: 'ignore' })),
      record(field({ type: 'int', logicalType: 'date' })),
    ]
    expect(new Set(forms.map(form => JSON.stringify(canonical(form)))).size).toBe(forms.length)
  })

  it('sorts the keys inside defaults and attributes', () => {
    const map = (value: Json) => record(field({ type: 'map', values: 'int' }, { default: value }))
    expect(JSON.stringify(canonical(map({ b: 1, a: 2 })))).toBe(JSON.stringify(canonical(map({ a: 2, b: 1 }))))
  })

  it('is its own canonical form', () => {
    const schema = {
      type: 'record',
      name: 'a.R',
      aliases: ['b.Q', 'P'],
      doc: 'd',
      fields: [
        { name: 'e', type: { type: 'enum', name: 'c.E', symbols: ['A', 'B'], default: 'A' }, default: 'B' },
        {
          name: 'f',
          type: ['null', 'R', 'c.E', { type: 'map', values: { type: 'fixed', name: 'F', size: 2 } }],
          default: null,
        },
      ],
    }
    const once = canonical(schema)
    expect(JSON.stringify(canonical(once))).toBe(JSON.stringify(once))
  })

  it('writes a type of another schema as its name', () => {
    const { named } = parseAvro({ type: 'fixed', name: 'n.F', size: 1 })
    const { type } = parseAvro(record(field('n.F')), { known: named })
    expect(canonicalAvro(type, named.keys())).toEqual(record(field('n.F')))
  })
})
