import { randomBytes } from 'node:crypto'
import avsc from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDecoder, createEncoder, type DecodedRecord } from '../../src/engine/codec.ts'
import { avroSchema } from '../../src/plan/avro.ts'
import type { SchemaReference, SchemaRegistry } from '../../src/ports/schema-registry.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import type { Json } from '../../src/sdk/json.ts'
import type { FieldNode, RecordNode, TypeNode } from '../../src/sdk/nodes.ts'

type Stored = { readonly schema: Json; readonly references?: readonly SchemaReference[] }
type Registry = Pick<SchemaRegistry, 'byId' | 'version'> & { readonly asked: number[] }

/** Schemas by id, from 1; as a version they are their own subject's first. */
function registryOf(schemas: readonly Stored[]): Registry {
  const asked: number[] = []
  const find = (id: number) => {
    const stored = schemas[id - 1]
    if (stored === undefined) throw new MillraceError('SCHEMA_UNKNOWN', `no schema ${id}`)
    return { id, references: [], ...stored }
  }
  return {
    asked,
    async byId(id) {
      asked.push(id)
      return find(id)
    },
    async version(subject, version) {
      return { ...find(Number(subject)), subject, version: Number(version) }
    },
  }
}

const record = (name: string, fields: { readonly [name: string]: TypeNode }): RecordNode => ({
  kind: 'record',
  name,
  fields: Object.entries(fields).map(([name, type]): FieldNode => ({ name, type })),
})

/** Bytes of one value of a schema with the header, written by avsc alone. */
function written(schema: Json, value: unknown, id = 1): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(id, 1)
  return Buffer.concat([header, avsc.Type.forSchema(schema as avsc.Schema).toBuffer(value)])
}

function framed(...bytes: readonly number[]): Buffer {
  return Buffer.from([0, 0, 0, 0, 1, ...bytes])
}

async function decoderOf(node: RecordNode, schemas: readonly Stored[] = [{ schema: avroSchema(node) }]) {
  const decoder = createDecoder({ node, avro: avroSchema(node), registry: registryOf(schemas) })
  await decoder.prepare(schemas.map((_, index) => ({ value: Buffer.from([0, 0, 0, 0, index + 1]) })))
  return decoder
}

const encoderOf = (node: RecordNode, schemaId = 1) => createEncoder({ node, avro: avroSchema(node), schemaId })

const undecodable = (reason: RegExp) =>
  expect.objectContaining({ code: 'RECORD_UNDECODABLE', message: expect.stringMatching(reason) })

const text: TypeNode = { kind: 'text' }
const named = record('R', { a: text })

describe('an encoded record', () => {
  it('is a zero byte, the id in four bytes and the record in Avro', () => {
    const encoded = encoderOf(named, 0x01020304).encode({ a: 'hi' })
    expect([...encoded]).toEqual([0, 1, 2, 3, 4, 4, 104, 105])
  })

  it('is what any Avro library writes', () => {
    const node = record('R', {
      a: text,
      b: { kind: 'optional', of: { kind: 'long' } },
      c: { kind: 'array', of: { kind: 'int' } },
    })
    const value = { a: 'Zoë 😀', b: 2 ** 40, c: [1, -1, 64] }
    expect(
      encoderOf(node)
        .encode(value)
        .equals(written(avroSchema(node), value)),
    ).toBe(true)
  })

  it('is not touched by the ones after it, however many and large they are', async () => {
    const encoder = encoderOf(named)
    const decoder = await decoderOf(named)
    const values = Array.from({ length: 600 }, (_, index) => 'x'.repeat(index % 50 === 49 ? 200_000 : index))
    const encoded = values.map(a => encoder.encode({ a }))
    expect(encoded.map(each => (decoder.decode(each) as { a: string }).a)).toEqual(values)
  })

  it('is refused with the place of what does not fit, and spoils nothing', async () => {
    const encoder = encoderOf(record('R', { a: text, n: { kind: 'int' } }))
    const before = encoder.encode({ a: 'x', n: 1 })
    expect(() => encoder.encode({ a: 'x', n: 'one' })).toThrow(
      expect.objectContaining({ code: 'RECORD_INVALID', place: 'n' }),
    )
    expect([...encoder.encode({ a: 'y', n: 2 })].slice(5)).toEqual([2, 121, 4])
    expect([...before].slice(5)).toEqual([2, 120, 2])
  })
})

describe('the types', () => {
  const roundTrip = async (type: TypeNode, value: unknown) => {
    const node = record('R', { f: type })
    return (await decoderOf(node)).decode(encoderOf(node).encode({ f: value })).f
  }
  const kept: readonly (readonly [type: TypeNode, values: readonly unknown[]])[] = [
    [text, ['', 'é', '\u{10ffff}', '\ufffd', 'a\0b', '\ufeffbom']],
    [{ kind: 'uuid' }, ['0f8fad5b-d9cb-469f-a165-70867728950e']],
    [{ kind: 'boolean' }, [true, false]],
    [{ kind: 'int' }, [0, -1, 2 ** 31 - 1, -(2 ** 31)]],
    [{ kind: 'long' }, [0, -1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1 - 2 ** 52]],
    [{ kind: 'double' }, [0, 0.1, Number.MAX_VALUE, -Number.MIN_VALUE]],
    [
      { kind: 'decimal', precision: 5, scale: 2 },
      ['0.00', '12.50', '-0.01', '999.99', '-999.99', '1.27', '1.28', '-1.28', '-1.29'],
    ],
    [{ kind: 'decimal', precision: 38, scale: 0 }, ['0', '-1', '9'.repeat(38), `-${'9'.repeat(38)}`]],
    [{ kind: 'decimal', precision: 3, scale: 3 }, ['0.001', '-0.999']],
    [
      { kind: 'timestamp' },
      [new Date(0), new Date(-1), new Date(8.64e15), new Date(1 - 8.64e15), new Date('2026-11-23T01:02:03.004Z')],
    ],
    [{ kind: 'enum', name: 'E', symbols: ['A', 'B'] }, ['A', 'B']],
    [{ kind: 'optional', of: { kind: 'decimal', precision: 3, scale: 1 } }, [null, '1.5']],
    [{ kind: 'optional', of: { kind: 'timestamp' } }, [null, new Date(5)]],
    [{ kind: 'optional', of: { kind: 'long' } }, [null, 7]],
    [{ kind: 'array', of: { kind: 'optional', of: text } }, [[], ['a', null]]],
  ]
  for (const [type, values] of kept) {
    for (const value of values) {
      it(`${JSON.stringify(type)} keeps ${JSON.stringify(value)}`, async () => {
        expect(await roundTrip(type, value)).toEqual(value)
      })
    }
  }

  it('give any record back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(recordWithValues, async ({ node, values }) => {
        const encoder = encoderOf(node)
        const decoder = await decoderOf(node)
        const encoded = values.map(value => encoder.encode(value))
        expect(encoded.map(bytes => decoder.decode(bytes))).toEqual(values)
      }),
      { numRuns: 300 },
    )
  })

  it('have a decimal as Avro does, in big-endian two’s complement', () => {
    const node = record('R', { d: { kind: 'decimal', precision: 9, scale: 2 } })
    expect([...encoderOf(node).encode({ d: '-1.29' })].slice(5)).toEqual([4, 0xff, 0x7f])
    expect([...encoderOf(node).encode({ d: '1.28' })].slice(5)).toEqual([4, 0x00, 0x80])
  })
})

describe('bytes that are not what the schema says are undecodable', () => {
  const cases: readonly (readonly [what: string, type: TypeNode, bytes: readonly number[], reason: RegExp])[] = [
    ['a text longer than the record', text, [20, 97], /in field f: 10 bytes are announced and 1 are left, at byte 6/],
    ['a text of hostile length', text, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], /are announced/],
    ['a negative length', text, [1], /-1 bytes are announced/],
    ['nothing after the header', text, [], /cut off/],
    ['invalid UTF-8', text, [4, 0xc3, 0x28], /not valid UTF-8/],
    ['a surrogate in UTF-8', text, [6, 0xed, 0xa0, 0x80], /not valid UTF-8/],
    ['a byte too many', text, [2, 97, 0], /1 bytes follow/],
    ['a boolean of 2', { kind: 'boolean' }, [2], /no boolean/],
    ['an int of 33 bits', { kind: 'int' }, [0x80, 0x80, 0x80, 0x80, 0x20], /32 bits/],
    ['a number of 71 bits', { kind: 'long' }, [...Array(10).fill(0x80), 1], /64 bits/],
    ['a long beyond 2^53', { kind: 'long' }, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20], /beyond/],
    ['half a double', { kind: 'double' }, [0, 0, 0, 0], /8 bytes/],
    ['a double that is no number', { kind: 'double' }, [0, 0, 0, 0, 0, 0, 0xf8, 0x7f], /no finite number/],
    ['an unknown branch', { kind: 'optional', of: text }, [4], /no branch number 2/],
    ['a negative branch', { kind: 'optional', of: text }, [1], /no branch number -1/],
    ['an unknown symbol', { kind: 'enum', name: 'E', symbols: ['A'] }, [2], /E has no symbol number 1/],
    ['more items than bytes', { kind: 'array', of: { kind: 'int' } }, [0xfe, 0xff, 0xff, 0x0f], /items are announced/],
    ['a block of another size', { kind: 'array', of: { kind: 'int' } }, [1, 10, 2, 0], /another size/],
    ['a text that is no UUID', { kind: 'uuid' }, [2, 97], /"a" is no UUID/],
    ['a decimal without bytes', { kind: 'decimal', precision: 3, scale: 1 }, [0], /decimal of 0 bytes/],
    [
      'a decimal with a digit too many',
      { kind: 'decimal', precision: 3, scale: 1 },
      [4, 0x03, 0xe8],
      /4 digits, 3 at most/,
    ],
    ['a time no Date can hold', { kind: 'timestamp' }, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x1f], /no time/],
  ]
  for (const [what, type, bytes, reason] of cases) {
    it(what, async () => {
      const decoder = await decoderOf(record('R', { f: type }))
      expect(() => decoder.decode(framed(...bytes))).toThrow(undecodable(reason))
    })
  }

  it('when there is no frame around them', async () => {
    const decoder = await decoderOf(named)
    await decoder.prepare([{ value: Buffer.alloc(0) }, { value: null }, { value: Buffer.from('{}') }])
    expect(() => decoder.decode(Buffer.alloc(0))).toThrow(undecodable(/is empty/))
    expect(() => decoder.decode(Buffer.from('{"a":1}'))).toThrow(undecodable(/starts with the byte 123/))
    expect(() => decoder.decode(Buffer.from([0, 0, 0]))).toThrow(undecodable(/has 3 bytes/))
  })

  it('and a genuine U+FFFD is not one of them', async () => {
    const decoder = await decoderOf(named)
    expect(decoder.decode(encoderOf(named).encode({ a: 'a\ufffdb' }))).toEqual({ a: 'a\ufffdb' })
  })

  it('in a plain Uint8Array of a larger buffer as well', async () => {
    const bytes = new Uint8Array([9, 9, ...framed(2, 97), 9]).subarray(2, 9)
    expect((await decoderOf(named)).decode(bytes)).toEqual({ a: 'a' })
  })

  it('whatever they are: nothing else is ever thrown', async () => {
    const node = record('R', {
      a: text,
      b: {
        kind: 'array',
        of: { kind: 'optional', of: record('S', { d: { kind: 'decimal', precision: 5, scale: 1 } }) },
      },
      c: { kind: 'optional', of: { kind: 'timestamp' } },
      e: { kind: 'enum', name: 'E', symbols: ['A', 'B'] },
    })
    const tree: Json = {
      type: 'record',
      name: 'R',
      fields: [
        ...((avroSchema(node).fields ?? []) as readonly Json[]),
        {
          name: 'extra',
          type: {
            type: 'record',
            name: 'Tree',
            fields: [
              { name: 'next', type: ['null', 'Tree'] },
              { name: 'many', type: { type: 'map', values: { type: 'array', items: 'null' } } },
              { name: 'flag', type: 'boolean' },
            ],
          },
        },
      ],
    }
    const decoder = await decoderOf(node, [{ schema: tree }])
    const extra = { next: { next: null, many: {}, flag: true }, many: { x: [null, null] }, flag: false }
    const sound = written(tree, {
      a: 'abc',
      b: [null, { S: { d: Buffer.from([1]) } }].map(each => each && { d: Buffer.from([1]) }),
      c: 5,
      e: 'B',
      extra,
    })
    expect(decoder.decode(sound)).toMatchObject({ a: 'abc', b: [null, { d: '0.1' }], e: 'B' })
    let undecoded = 0
    const tryTo = (bytes: Buffer) => {
      try {
        decoder.decode(bytes)
      } catch (thrown) {
        undecoded += 1
        expect(thrown).toMatchObject({ code: 'RECORD_UNDECODABLE' })
      }
    }
    const mutation = fc.array(fc.record({ at: fc.nat({ max: sound.length - 6 }), byte: fc.nat({ max: 255 }) }), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(mutation, fc.nat({ max: 10 }), (changes, cut) => {
        const bytes = Buffer.from(sound.subarray(0, sound.length - (cut > 8 ? cut : 0)))
        for (const { at, byte } of changes) bytes[5 + at] = byte
        tryTo(bytes)
      }),
      { numRuns: 5_000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), tail => tryTo(framed(...tail))),
      { numRuns: 5_000 },
    )
    expect(undecoded).toBeGreaterThan(2_000)
  })

  it('without allocating what a hostile count announces', async () => {
    const nulls: Json = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: 'string' },
        { name: 'n', type: { type: 'array', items: { type: 'array', items: 'null' } } },
        { name: 'i', type: { type: 'array', items: 'int' } },
      ],
    }
    const decoder = await decoderOf(named, [{ schema: nulls }])
    const billion = [0x80, 0xa8, 0xd6, 0xb9, 0x07]
    const before = process.memoryUsage()
    for (const tail of [
      [0, 2, ...billion, 0, 0],
      [0, ...billion],
      [0, 0, ...billion, 2, 0],
      [...billion, 97],
    ]) {
      for (let i = 0; i < 100; i++)
        expect(() => decoder.decode(framed(...tail))).toThrow(undecodable(/announced|empty items/))
    }
    const after = process.memoryUsage()
    expect(after.heapTotal + after.external - before.heapTotal - before.external).toBeLessThan(64 * 1024 * 1024)
  })

  it('without exhausting the stack on records inside records', async () => {
    const list: Json = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: 'string' },
        { name: 'next', type: ['null', 'R'] },
      ],
    }
    const decoder = await decoderOf(named, [{ schema: list }])
    const deep = (levels: number) =>
      Buffer.concat([framed(), Buffer.alloc(2 * levels, Buffer.from([0, 2])), Buffer.alloc(2)])
    expect(decoder.decode(deep(499))).toEqual({ a: '' })
    expect(() => decoder.decode(deep(500))).toThrow(undecodable(/nested more than 500/))
    expect(() => decoder.decode(deep(1_000_000))).toThrow(undecodable(/nested more than 500/))
  })
})

describe('a record of another schema', () => {
  it('is read by the rules of Avro: fields left out, added with default, promoted, reordered', async () => {
    const node = record('R', { n: { kind: 'long' }, a: text, o: { kind: 'optional', of: text } })
    const schema: Json = {
      type: 'record',
      name: 'x.R',
      fields: [
        { name: 'gone', type: 'bytes' },
        { name: 'a', type: 'string' },
        { name: 'n', type: 'int' },
      ],
    }
    const decoder = await decoderOf(node, [{ schema }])
    expect(decoder.decode(written(schema, { gone: Buffer.from([0xff]), a: 'x', n: 5 }))).toEqual({
      n: 5,
      a: 'x',
      o: null,
    })
  })

  it('has its bytes read as text only if they are text', async () => {
    const schema: Json = { type: 'record', name: 'R', fields: [{ name: 'a', type: 'bytes' }] }
    const decoder = await decoderOf(named, [{ schema }])
    expect(decoder.decode(written(schema, { a: Buffer.from('é') }))).toEqual({ a: 'é' })
    expect(() => decoder.decode(written(schema, { a: Buffer.from([0xff]) }))).toThrow(undecodable(/not valid UTF-8/))
  })

  it('has its long beyond 2^53 left alone where nobody reads it', async () => {
    const schema: Json = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'hash', type: 'long' },
        { name: 'a', type: 'string' },
      ],
    }
    const decoder = await decoderOf(named, [{ schema }])
    expect(decoder.decode(framed(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 2, 97))).toEqual({
      a: 'a',
    })
  })

  it('has microseconds read as the milliseconds they are', async () => {
    const schema: Json = {
      type: 'record',
      name: 'R',
      fields: [{ name: 't', type: { type: 'long', logicalType: 'timestamp-micros' } }],
    }
    const decoder = await decoderOf(record('R', { t: { kind: 'timestamp' } }), [{ schema }])
    const bytes = written(
      { type: 'record', name: 'R', fields: [{ name: 't', type: 'long' }] },
      { t: 1_700_000_000_123_456 },
    )
    expect(decoder.decode(bytes)).toEqual({ t: new Date(1_700_000_000_123) })
  })

  it('is undecodable if its decimals have another scale, rather than off by a power of ten', async () => {
    const decimal = (scale: number): TypeNode => ({ kind: 'decimal', precision: 9, scale })
    const decoder = await decoderOf(record('R', { d: decimal(2) }), [
      { schema: avroSchema(record('R', { d: decimal(3) })) },
    ])
    expect(() => decoder.decode(framed(2, 1))).toThrow(undecodable(/schema 1 cannot be read/))
  })

  it('is undecodable if its schema cannot be read as the topic’s, with every reason', async () => {
    const schema: Json = { type: 'record', name: 'R', fields: [{ name: 'b', type: 'int' }] }
    const decoder = await decoderOf(named, [{ schema }])
    expect(() => decoder.decode(framed(2))).toThrow(undecodable(/READER_FIELD_MISSING_DEFAULT_VALUE at \/fields\/0/))
  })

  it('finds the types that its schema refers to', async () => {
    const address: Json = { type: 'record', name: 'n.S', fields: [{ name: 'city', type: 'string' }] }
    const schema: Json = { type: 'record', name: 'n.R', fields: [{ name: 's', type: 'S' }] }
    const references = [{ name: 'n.S', subject: '2', version: 1 }]
    const node = record('R', { s: record('S', { city: text }) })
    const decoder = await decoderOf(node, [{ schema, references }, { schema: address }])
    expect(decoder.decode(framed(2, 97))).toEqual({ s: { city: 'a' } })
  })
})

describe('the registry', () => {
  it('is asked once for each id', async () => {
    const registry = registryOf([{ schema: avroSchema(named) }])
    const decoder = createDecoder({ node: named, avro: avroSchema(named), registry })
    const value = encoderOf(named).encode({ a: 'x' })
    await decoder.prepare([{ value }, { value }, { value: null }])
    await decoder.prepare([{ value }])
    expect(registry.asked).toEqual([1])
  })

  it('makes records of an id it does not know undecodable, until it knows it', async () => {
    const schemas: Stored[] = []
    const decoder = createDecoder({ node: named, avro: avroSchema(named), registry: registryOf(schemas) })
    const value = encoderOf(named).encode({ a: 'x' })
    await decoder.prepare([{ value }])
    let thrown: unknown
    try {
      decoder.decode(value)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'RECORD_UNDECODABLE', retry: 'never', cause: { code: 'SCHEMA_UNKNOWN' } })
    schemas.push({ schema: avroSchema(named) })
    await decoder.prepare([{ value }])
    expect(decoder.decode(value)).toEqual({ a: 'x' })
  })

  it('that is down makes preparing fail, and no record undecodable', async () => {
    const down = new MillraceError('STORAGE_BUSY', 'down')
    let answers = false
    const schemas = registryOf([{ schema: avroSchema(named) }])
    const registry = { ...schemas, byId: async (id: number) => (answers ? schemas.byId(id) : Promise.reject(down)) }
    const decoder = createDecoder({ node: named, avro: avroSchema(named), registry })
    const value = encoderOf(named).encode({ a: 'x' })
    await expect(decoder.prepare([{ value }])).rejects.toBe(down)
    answers = true
    await decoder.prepare([{ value }])
    expect(decoder.decode(value)).toEqual({ a: 'x' })
  })

  it('may know more schemas than are kept ready: a batch never loses one of its own', async () => {
    const schemas = Array.from({ length: 1_200 }, () => ({ schema: avroSchema(named) }))
    const registry = registryOf(schemas)
    const decoder = createDecoder({ node: named, avro: avroSchema(named), registry })
    const values = schemas.map((_, index) => encoderOf(named, index + 1).encode({ a: String(index) }))
    await decoder.prepare(values.map(value => ({ value })))
    expect(values.map(value => decoder.decode(value).a)).toEqual(values.map((_, index) => String(index)))
    await decoder.prepare([{ value: values[5]! }])
    await decoder.prepare([{ value: values[1_199]! }])
    expect(registry.asked).toHaveLength(1_200)
    await decoder.prepare([{ value: values[0]! }])
    expect(registry.asked).toHaveLength(1_201)
  })

  it('is not asked for what is no frame', async () => {
    const registry = registryOf([])
    const decoder = createDecoder({ node: named, avro: avroSchema(named), registry })
    await decoder.prepare([{ value: Buffer.alloc(0) }, { value: Buffer.from([1, ...randomBytes(20)]) }])
    expect(registry.asked).toEqual([])
  })
})

const scalar: fc.Arbitrary<{ type: TypeNode; value: fc.Arbitrary<unknown> }> = fc.oneof(
  fc.constant({ type: text, value: fc.string({ unit: 'binary', maxLength: 80 }) as fc.Arbitrary<unknown> }),
  fc.constant({ type: { kind: 'uuid' } as TypeNode, value: fc.uuid() as fc.Arbitrary<unknown> }),
  fc.constant({ type: { kind: 'boolean' } as TypeNode, value: fc.boolean() as fc.Arbitrary<unknown> }),
  fc.constant({ type: { kind: 'int' } as TypeNode, value: fc.integer() as fc.Arbitrary<unknown> }),
  fc.constant({ type: { kind: 'long' } as TypeNode, value: fc.maxSafeInteger() as fc.Arbitrary<unknown> }),
  fc.constant({
    type: { kind: 'double' } as TypeNode,
    value: fc.double({ noNaN: true, noDefaultInfinity: true }) as fc.Arbitrary<unknown>,
  }),
  fc.constant({
    type: { kind: 'timestamp' } as TypeNode,
    value: fc.date({ noInvalidDate: true }) as fc.Arbitrary<unknown>,
  }),
  fc.tuple(fc.integer({ min: 1, max: 30 }), fc.nat({ max: 30 })).map(([precision, cut]) => {
    const scale = Math.min(precision, cut)
    const limit = 10n ** BigInt(precision) - 1n
    return {
      type: { kind: 'decimal', precision, scale } as TypeNode,
      value: fc.bigInt({ min: -limit, max: limit }).map(unscaled => {
        const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
        const point = digits.length - scale
        return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`
      }) as fc.Arbitrary<unknown>,
    }
  }),
)

/** Record types, and for each how its records are drawn. */
function recordAt(depth: number): fc.Arbitrary<{ node: RecordNode; value: fc.Arbitrary<DecodedRecord> }> {
  const inner =
    depth === 0
      ? scalar
      : fc.oneof({ weight: 4, arbitrary: scalar }, { weight: 1, arbitrary: recordAt(depth - 1).map(asType) })
  const wrapped = fc.tuple(inner, fc.constantFrom('plain', 'optional', 'array')).map(([{ type, value }, wrap]) => {
    if (wrap === 'optional')
      return { type: { kind: 'optional', of: type } as TypeNode, value: fc.option(value) as fc.Arbitrary<unknown> }
    if (wrap === 'array')
      return {
        type: { kind: 'array', of: type } as TypeNode,
        value: fc.array(value, { maxLength: 5 }) as fc.Arbitrary<unknown>,
      }
    return { type, value }
  })
  return fc.array(wrapped, { minLength: 1, maxLength: depth === 0 ? 5 : 1 + depth }).map(drawn => {
    const fields = drawn.map(({ type }, index) => ({ name: `f${index}`, type }))
    const values = Object.fromEntries(drawn.map(({ value }, index) => [`f${index}`, value]))
    return {
      node: { kind: 'record', name: `R${depth}`, fields },
      value: fc.record(values) as fc.Arbitrary<DecodedRecord>,
    }
  })
}

const asType = ({ node, value }: { node: RecordNode; value: fc.Arbitrary<DecodedRecord> }) => ({
  type: node as TypeNode,
  value: value as fc.Arbitrary<unknown>,
})

/** Gives each record a name of its own: to Avro, one name is one type. */
function rename(node: TypeNode, names = { next: 0 }): TypeNode {
  if (node.kind === 'optional' || node.kind === 'array') return { ...node, of: rename(node.of, names) }
  if (node.kind !== 'record') return node
  const name = `R${names.next++}`
  return { ...node, name, fields: node.fields.map(({ name, type }) => ({ name, type: rename(type, names) })) }
}

const recordWithValues = fc
  .nat({ max: 1 })
  .chain(recordAt)
  .chain(({ node, value }) =>
    fc.record({
      node: fc.constant(rename(node) as RecordNode),
      values: fc.array(value, { minLength: 1, maxLength: 4 }),
    }),
  )
