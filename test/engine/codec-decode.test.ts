import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { avroSchema } from '../../src/plan/avro.ts'
import type { Json } from '../../src/sdk/json.ts'
import type { TypeNode } from '../../src/sdk/nodes.ts'
import { decoderOf, encoderOf, framed, named, record, text, undecodable, varint, written } from './codec-fixture.ts'

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
    ['a number of 65 bits', { kind: 'long' }, [...Array(9).fill(0x80), 2], /64 bits/],
    ['the most negative length', text, [...Array(9).fill(0xff), 1], /-9223372036854776000 bytes are announced/],
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

  it.each([
    [1_700_000_000_123_456_789n, 1_700_000_000_123],
    [-1n, -1],
    [-1_000_000n, -1],
    [2n ** 63n - 1n, 9_223_372_036_854],
    [-(2n ** 63n), -9_223_372_036_855],
  ])('has nanoseconds read as the milliseconds they are: %d', async (nanoseconds, milliseconds) => {
    const schema: Json = {
      type: 'record',
      name: 'R',
      fields: [{ name: 't', type: { type: 'long', logicalType: 'timestamp-nanos' } }],
    }
    const decoder = await decoderOf(record('R', { t: { kind: 'timestamp' } }), [{ schema }])
    expect(decoder.decode(framed(...varint(nanoseconds)))).toEqual({ t: new Date(milliseconds) })
  })

  it('has a logical type on a type it cannot be on ignored', async () => {
    const schema: Json = {
      type: 'record',
      name: 'R',
      fields: [{ name: 'a', type: { type: 'string', logicalType: 'decimal', precision: 3, scale: 1 } }],
    }
    expect((await decoderOf(named, [{ schema }])).decode(framed(2, 97))).toEqual({ a: 'a' })
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
