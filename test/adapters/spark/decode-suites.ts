import { avroSchema } from '../../../src/plan/avro.ts'
import type { Json } from '../../../src/sdk/json.ts'
import type { RecordNode } from '../../../src/sdk/nodes.ts'
import { t } from '../../../src/sdk/types.ts'
import type { Stored } from '../../engine/codec-fixture.ts'

export interface DecodeSuite {
  readonly what: string
  readonly topic: RecordNode
  /** By id, from 1. */
  readonly writers: readonly Stored[]
}

const own = (what: string, { node }: { readonly node: RecordNode }): DecodeSuite => ({
  what,
  topic: node,
  writers: [{ schema: avroSchema(node) }],
})

const address = t.record('Address', { street: t.text(), number: t.int(), zip: t.optional(t.text()) })

const everything = t.record('Everything', {
  text: t.text(),
  id: t.uuid(),
  flag: t.boolean(),
  int: t.int(),
  long: t.long(),
  double: t.double(),
  price: t.decimal(3, 1),
  huge: t.decimal(38, 38),
  at: t.timestamp(),
  color: t.enum('Color', ['red', 'green']),
  maybe: t.optional(t.timestamp()),
  home: t.optional(address),
  tags: t.array(t.optional(t.text())),
  places: t.array(address),
})

const users = t.record('User', { id: t.uuid(), first_name: t.text(), email: t.text(), age: t.optional(t.int()) })

const record = (
  name: string,
  fields: { readonly [name: string]: Json },
  more: { readonly [key: string]: Json } = {},
): Stored => ({
  schema: { type: 'record', name, ...more, fields: Object.entries(fields).map(([name, type]) => ({ name, type })) },
})

const decimal = (precision: Json, scale: Json, type: Json = 'bytes'): Json => ({
  ...{ type, logicalType: 'decimal', precision, scale },
})
const logical = (type: Json, logicalType: string): Json => ({ type, logicalType })
const fixed = (name: string, size: number): Json => ({ type: 'fixed', name, size })

const one = (what: string, type: Parameters<typeof t.optional>[0], writers: readonly Json[]): DecodeSuite => ({
  what,
  topic: t.record('R', { f: type }).node,
  writers: writers.map(writer => record('R', { f: writer })),
})

/** Topics, and the schemas that records in them may be written with. */
export const decodeSuites: readonly DecodeSuite[] = [
  own('every type', everything),
  own('users', users),
  one('text', t.text(), [
    'string',
    'bytes',
    decimal(3, 1),
    decimal(0, 0),
    logical('string', 'decimal'),
    ['string', 'bytes'],
    'int',
  ]),
  one('uuid', t.uuid(), [logical('string', 'uuid'), 'string', 'bytes', decimal(9, 0), fixed('F', 16)]),
  one('long', t.long(), [
    'long',
    'int',
    logical('long', 'timestamp-micros'),
    logical('int', 'date'),
    ['int', 'long'],
    'float',
    logical('long', 'timestamp-nanos'),
  ]),
  one('int', t.int(), ['int', logical('int', 'timestamp-micros'), 'long', ['null', 'int'], ['int']]),
  one('double', t.double(), [
    'double',
    'float',
    'long',
    'int',
    logical('long', 'timestamp-micros'),
    ['float', 'long'],
    'string',
    logical('long', 'timestamp-nanos'),
  ]),
  one('time', t.timestamp(), [
    ...[logical('long', 'timestamp-millis'), logical('long', 'timestamp-micros'), 'long', 'int'],
    ...[logical('int', 'timestamp-micros'), [logical('long', 'timestamp-micros'), 'int'], 'double'],
    ...[
      logical('long', 'timestamp-nanos'),
      logical('int', 'timestamp-nanos'),
      ['int', logical('long', 'timestamp-nanos')],
    ],
  ]),
  one('decimal', t.decimal(3, 1), [
    ...[decimal(3, 1), decimal(2, 1), decimal(4, 1), decimal(3, 2), 'bytes', decimal(1, 2), decimal('3', 1)],
    ...['string', { ...(fixed('F', 2) as object), logicalType: 'decimal', precision: 3, scale: 1 }],
  ]),
  one('a boolean', t.boolean(), ['boolean', 'int']),
  one('an optional text', t.optional(t.text()), [
    ...[
      ['null', 'string'],
      ['string', 'null'],
      'string',
      'null',
      'bytes',
      ['null', 'bytes', 'string'],
      ['null', 'int'],
    ],
    ...[
      ['null', decimal(3, 1)],
      ['null', decimal(0, 0)],
    ],
  ]),
  one('an optional time', t.optional(t.timestamp()), [
    ...[['null', logical('long', 'timestamp-micros')], ['int', 'null', 'long'], logical('long', 'timestamp-micros')],
  ]),
  one('an enum', t.enum('E', ['A', 'B']), [
    { type: 'enum', name: 'E', symbols: ['B', 'A'] },
    { type: 'enum', name: 'other.E', symbols: ['B'], default: 'B' },
    { type: 'enum', name: 'E', symbols: ['A', 'C'] },
    { type: 'enum', name: 'G', symbols: ['A'], aliases: ['E'] },
    'string',
  ]),
  one('an array', t.array(t.long()), [
    { type: 'array', items: 'long' },
    { type: 'array', items: 'int' },
    { type: 'array', items: ['int', 'long'] },
    { type: 'array', items: ['null', 'long'] },
    { type: 'map', values: 'long' },
  ]),
  one('an array of optional texts', t.array(t.optional(t.text())), [{ type: 'array', items: 'null' }]),
  {
    what: 'fields that came, went and moved, in a namespace, with aliases and defaults',
    topic: t.record('R', { n: t.long(), a: t.text(), o: t.optional(t.text()), home: t.optional(address) }).node,
    writers: [
      record('R', { gone: 'bytes', a: 'string', n: 'int' }, { namespace: 'x.y', aliases: ['Q'], doc: 'd' }),
      record('R', { a: 'string' }),
      record('Q', { a: 'string', n: 'long' }, { aliases: ['R'] }),
      {
        schema: {
          type: 'record',
          name: 'R',
          fields: [
            { name: 'b', type: 'string', aliases: ['a'], default: 'x' },
            { name: 'a', type: 'string', default: 5 },
            { name: 'n', type: 'long' },
          ],
        },
      },
      {
        ...record('R', { a: 'string', n: 'int', home: 'shared.Address' }),
        references: [{ name: 'shared.Address', subject: '6', version: 1 }],
      },
      record('Address', { street: 'bytes', extra: fixed('shared.F', 3), number: 'int' }, { namespace: 'shared' }),
      {
        ...record('R', { a: 'string', n: 'int', s: 'gone.S' }),
        references: [{ name: 'gone.S', subject: '99', version: 1 }],
      },
      { schema: 'string' },
      { schema: ['null', (record('R', { a: 'string', n: 'int' }) as { schema: Json }).schema] },
      { schema: [(record('R', { a: 'string', n: 'int' }) as { schema: Json }).schema] },
    ],
  },
  {
    what: 'names with and without a namespace side by side',
    topic: t.record('R', { s: t.record('S', { c: t.text() }), u: t.optional(t.record('S', { c: t.text() })) }).node,
    writers: [
      record('n.R', { s: (record('S', { c: 'string' }) as { schema: Json }).schema, u: ['null', 'S'] }),
      record('n.R', {
        s: { ...(record('S', { c: 'string' }) as { schema: object }).schema, namespace: '' },
        u: ['null', 'S'],
      }),
    ],
  },
  {
    what: 'much that nobody reads',
    topic: t.record('R', { a: t.text() }).node,
    writers: [
      record('R', {
        hash: 'long',
        ratio: 'float',
        size: 'double',
        id: 'int',
        flag: 'boolean',
        tree: {
          type: 'record',
          name: 'Tree',
          fields: [
            { name: 'next', type: ['null', 'Tree'] },
            { name: 'many', type: { type: 'map', values: { type: 'array', items: 'null' } } },
            { name: 'nothing', type: { type: 'array', items: fixed('Empty', 0) } },
            { name: 'color', type: { type: 'enum', name: 'Color', symbols: ['red', 'green'] } },
          ],
        },
        a: 'string',
      }),
      record('R', { a: 'string', next: ['null', 'R'] }),
    ],
  },
]
