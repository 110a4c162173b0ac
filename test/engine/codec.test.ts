import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDecoder, type DecodedRecord } from '../../src/engine/codec.ts'
import { avroSchema } from '../../src/plan/avro.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import type { RecordNode, TypeNode } from '../../src/sdk/nodes.ts'
import { decoderOf, encoderOf, named, record, registryOf, type Stored, text, written } from './codec-fixture.ts'

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
