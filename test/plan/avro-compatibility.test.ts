import avsc from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readingFaults } from '../../src/plan/avro-compatibility.ts'
import { parseAvro } from '../../src/plan/avro-schema.ts'
import type { Json } from '../../src/sdk/json.ts'

const faults = (reader: Json, writer: Json) => readingFaults(parseAvro(reader).type, parseAvro(writer).type)
const kinds = (reader: Json, writer: Json) => faults(reader, writer).map(({ kind, path }) => `${kind} ${path}`)
const record = (...fields: readonly Json[]): Json => ({ type: 'record', name: 'R', fields })
const field = (type: Json, more: object = {}): Json => ({ name: 'f', type, ...more })
const enumeration = (symbols: readonly string[], more: object = {}): Json => ({
  type: 'enum',
  name: 'E',
  symbols,
  ...more,
})

const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']
const promotions = [
  'int long',
  'int float',
  'int double',
  'long float',
  'long double',
  'float double',
  'string bytes',
  'bytes string',
]

describe('of the primitives', () => {
  for (const writer of primitives) {
    const readable = primitives.filter(reader => reader === writer || promotions.includes(`${writer} ${reader}`))
    it(`${writer} is readable as ${readable.join(', ')} and nothing else`, () => {
      expect(primitives.filter(reader => faults(reader, writer).length === 0)).toEqual(readable)
    })
  }
})

describe('readable is', () => {
  const readable: readonly (readonly [what: string, reader: Json, writer: Json])[] = [
    ['a record without a field of the writer', record(), record(field('int'))],
    ['a new field with a default', record(field('int', { default: 1 })), record()],
    ['a new field whose default is null', record(field(['null', 'int'], { default: null })), record()],
    ['a field renamed with an alias', record({ name: 'g', type: 'int', aliases: ['f'] }), record(field('int'))],
    ['a record renamed with an alias', { type: 'record', name: 'S', aliases: ['R'], fields: [] }, record()],
    ['a record in another namespace', { type: 'record', name: 'n.R', fields: [] }, record()],
    ['an enum with more symbols', enumeration(['A', 'B']), enumeration(['A'])],
    ['an enum with fewer symbols and a default', enumeration(['A'], { default: 'A' }), enumeration(['A', 'B'])],
    ['a type as a branch of a union', ['null', 'int'], 'int'],
    ['a promoted type as a branch of a union', ['null', 'long'], 'int'],
    ['a union as a larger one', ['null', 'int', 'string'], ['int', 'null']],
    ['a union of one branch as that branch', 'long', ['int']],
    ['items that are promoted', { type: 'array', items: 'long' }, { type: 'array', items: 'int' }],
    ['values that are promoted', { type: 'map', values: 'double' }, { type: 'map', values: 'float' }],
    [
      'another logical type',
      { type: 'long', logicalType: 'timestamp-micros' },
      { type: 'long', logicalType: 'timestamp-millis' },
    ],
    [
      'a decimal of another scale',
      { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 3 },
      { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 },
    ],
    ['a list that refers to itself', record(field(['null', 'R'])), record(field(['null', 'R']))],
  ]
  for (const [what, reader, writer] of readable) it(what, () => expect(kinds(reader, writer)).toEqual([]))
})

describe('what is not readable is named with its place in the reader', () => {
  const unreadable: readonly (readonly [what: string, reader: Json, writer: Json, found: readonly string[]])[] = [
    ['another type', 'int', 'string', ['TYPE_MISMATCH /']],
    ['a type of a field', record(field('int')), record(field('long')), ['TYPE_MISMATCH /fields/0/type']],
    ['items', { type: 'array', items: 'int' }, { type: 'array', items: 'long' }, ['TYPE_MISMATCH /items']],
    ['values', { type: 'map', values: 'int' }, { type: 'map', values: 'long' }, ['TYPE_MISMATCH /values']],
    ['a new field without default', record(field('int')), record(), ['READER_FIELD_MISSING_DEFAULT_VALUE /fields/0']],
    [
      'a nullable field without default',
      record(field(['null', 'int'])),
      record(),
      ['READER_FIELD_MISSING_DEFAULT_VALUE /fields/0'],
    ],
    ['a name', { type: 'record', name: 'S', fields: [] }, record(), ['NAME_MISMATCH /name']],
    [
      'an alias of another namespace',
      { type: 'record', name: 'S', aliases: ['n.R'], fields: [] },
      record(),
      ['NAME_MISMATCH /name'],
    ],
    ['lost symbols', enumeration(['A']), enumeration(['A', 'B', 'C']), ['MISSING_ENUM_SYMBOLS /symbols']],
    [
      'a size',
      { type: 'fixed', name: 'F', size: 2 },
      { type: 'fixed', name: 'F', size: 3 },
      ['FIXED_SIZE_MISMATCH /size'],
    ],
    [
      'name and size',
      { type: 'fixed', name: 'G', size: 2 },
      { type: 'fixed', name: 'F', size: 3 },
      ['NAME_MISMATCH /name', 'FIXED_SIZE_MISMATCH /size'],
    ],
    ['a branch', ['null', 'int'], 'string', ['MISSING_UNION_BRANCH /']],
    [
      'some branches of a union',
      ['null', 'int'],
      ['null', 'string', 'int', 'bytes'],
      ['MISSING_UNION_BRANCH /1', 'MISSING_UNION_BRANCH /3'],
    ],
    [
      'a union as one of its branches',
      record(field('int')),
      record(field(['null', 'int'])),
      ['TYPE_MISMATCH /fields/0/type/0'],
    ],
    [
      'a field that means two of the writer',
      record({ name: 'g', type: 'int', aliases: ['f'] }),
      record(field('int'), { name: 'g', type: 'int' }),
      ['NAME_MISMATCH /fields/0/aliases'],
    ],
    [
      'everything at once',
      record(field('int'), { name: 'g', type: 'string' }, { name: 'h', type: record2(enumeration(['A'])) }),
      record(field('string'), { name: 'h', type: record2(enumeration(['B'])) }),
      [
        'TYPE_MISMATCH /fields/0/type',
        'READER_FIELD_MISSING_DEFAULT_VALUE /fields/1',
        'MISSING_ENUM_SYMBOLS /fields/2/type/fields/0/type/symbols',
      ],
    ],
    [
      'a fault inside a record that refers to itself, once',
      record(field(['null', 'R']), { name: 'g', type: 'int' }),
      record(field(['null', 'R']), { name: 'g', type: 'string' }),
      ['TYPE_MISMATCH /fields/1/type'],
    ],
  ]
  for (const [what, reader, writer, found] of unreadable) it(what, () => expect(kinds(reader, writer)).toEqual(found))

  it('with a sentence that says why', () => {
    const [fault] = faults(record(field(['null', enumeration(['A'])])), record(field(enumeration(['B']))))
    expect(fault?.reason).toBe(
      "No branch of the union can read the writer's enum E. /fields/0/type/symbols: E lacks B and has no default.",
    )
  })

  it('in time that grows with the schema and not with its paths', () => {
    const chain = (leaf: string): Json => {
      let type: Json = { type: 'record', name: 'R0', fields: [field(leaf)] }
      for (let level = 1; level < 30; level++) {
        const again = `R${level - 1}`
        type = {
          type: 'record',
          name: `R${level}`,
          fields: [field(type), { name: 'g', type: again }, { name: 'h', type: again }],
        }
      }
      return type
    }
    expect(faults(chain('int'), chain('string'))).toHaveLength(1)
  })
})

function record2(type: Json): Json {
  return { type: 'record', name: 'S', fields: [{ name: 'e', type }] }
}

/** Types by number, so that a second schema can be drawn as a change of the first. Names repeat on purpose. */
const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>('boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'),
  fc
    .uniqueArray(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1, maxLength: 3 })
    .map(symbols => enumeration(symbols)),
  fc.integer({ min: 1, max: 2 }).map(size => ({ type: 'fixed', name: 'F', size })),
)
const type: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: leaf },
  { weight: 1, arbitrary: leaf.map(items => ({ type: 'array', items })) },
  { weight: 1, arbitrary: leaf.map(values => ({ type: 'map', values })) },
  { weight: 2, arbitrary: leaf.map(of => ['null', of]) },
  { weight: 1, arbitrary: fc.constant<Json>(['null', 'int', 'string']) },
)
const defaultOf = (type: Json): Json | undefined => {
  if (Array.isArray(type)) return null
  return ({ boolean: true, int: 1, long: 2, float: 1, double: 2, bytes: 'b', string: 's' } as Record<string, Json>)[
    String(type)
  ]
}
const fields = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    type,
    hasDefault: fc.boolean(),
    alias: fc.option(fc.constantFrom('a', 'b', 'x'), { freq: 5 }),
  }),
  { selector: ({ name }) => name, maxLength: 3 },
)
const schema = fields.map((drawn): Json => {
  const defined = new Set<string>()
  return record(
    ...drawn.map(({ name, type, hasDefault, alias }) => ({
      name,
      type: once(type, defined),
      ...(hasDefault && defaultOf(type) !== undefined ? { default: defaultOf(type)! } : {}),
      ...(alias === null ? {} : { aliases: [alias] }),
    })),
  )
})

/** A type's second use is its name. */
function once(type: Json, defined: Set<string>): Json {
  if (Array.isArray(type)) return type.map(branch => once(branch, defined))
  if (typeof type !== 'object' || type === null) return type
  const node = type as { readonly [key: string]: Json }
  if (node.items !== undefined) return { type: 'array', items: once(node.items, defined) }
  if (node.values !== undefined) return { type: 'map', values: once(node.values, defined) }
  const name = String(node.name)
  if (defined.has(name)) return name
  defined.add(name)
  return node
}

describe('measured against another implementation of schema resolution', () => {
  // avsc keeps what it has defined in the options it is given.
  const typeOf = (schema: Json) => avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: 'always' })

  it('a schema can read what an earlier one wrote exactly when no fault is found', () => {
    let readable = 0
    let unreadable = 0
    const differs = (reader: Json, writer: Json) => {
      const found = faults(reader, writer)
      const readerType = typeOf(reader)
      const writerType = typeOf(writer)
      if (found.length > 0) {
        unreadable += 1
        expect(() => readerType.createResolver(writerType, { ignoreNamespaces: true }), JSON.stringify(found)).toThrow()
        return
      }
      readable += 1
      const resolver = readerType.createResolver(writerType, { ignoreNamespaces: true })
      for (let i = 0; i < 5; i++) {
        const bytes = writerType.toBuffer(writerType.random())
        expect(readerType.isValid(readerType.fromBuffer(bytes, resolver))).toBe(true)
      }
    }
    fc.assert(fc.property(schema, schema, differs), { numRuns: 2_000 })
    // A property that only ever saw one of the two would say nothing.
    expect(readable).toBeGreaterThan(100)
    expect(unreadable).toBeGreaterThan(100)
  })
})
