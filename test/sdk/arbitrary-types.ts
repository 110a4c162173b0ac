import fc from 'fast-check'
import type { RecordNode, TypeNode } from '../../src/sdk/nodes.ts'

/** A type, and JSON that is of this type. */
export interface TypeAndJson {
  readonly node: TypeNode
  readonly json: fc.Arbitrary<unknown>
}

const wellFormed = fc.string({ unit: 'grapheme', maxLength: 20 })
const hour = fc.integer({ min: 0, max: 23 }).map(h => String(h).padStart(2, '0'))

const scalars: readonly fc.Arbitrary<TypeAndJson>[] = [
  fc.constant({ node: { kind: 'text' }, json: wellFormed }),
  fc.constant({ node: { kind: 'text', acceptNumbers: true }, json: fc.oneof(wellFormed, fc.integer(), finite()) }),
  fc.constant({ node: { kind: 'uuid' }, json: fc.uuid().chain(id => fc.constantFrom(id, id.toUpperCase())) }),
  fc.constant({ node: { kind: 'boolean' }, json: fc.boolean() }),
  fc.constant({ node: { kind: 'int' }, json: fc.integer() }),
  fc.constant({ node: { kind: 'long' }, json: fc.maxSafeInteger() }),
  fc.constant({ node: { kind: 'double' }, json: finite() }),
  fc
    .integer({ min: 1, max: 38 })
    .chain(precision => fc.record({ precision: fc.constant(precision), scale: fc.integer({ min: 0, max: precision }) }))
    .map(({ precision, scale }) => ({
      node: { kind: 'decimal', precision, scale },
      json: fc.bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n }).map(unscaled => {
        const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
        const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`
        return unscaled < 0n ? `-${text}` : text
      }),
    })),
  fc.constant({
    node: { kind: 'timestamp' },
    json: fc
      .tuple(fc.date({ min: new Date(0), max: new Date('2199-01-01'), noInvalidDate: true }), hour)
      .map(([date, h]) => date.toISOString().replace('Z', `+${h}:30`)),
  }),
  fc.uniqueArray(name(), { minLength: 1, maxLength: 5 }).map(symbols => ({
    node: { kind: 'enum', name: 'E', symbols },
    json: fc.constantFrom(...symbols),
  })),
]

function finite(): fc.Arbitrary<number> {
  return fc.double({ noNaN: true, noDefaultInfinity: true })
}

function name(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/),
    // Names that every object inherits.
    fc.constantFrom('constructor', 'toString', 'valueOf', 'hasOwnProperty'),
  )
}

/** A record type with a few fields, at most three levels deep, and JSON of it. */
export function arbitraryRecord(depth = 2): fc.Arbitrary<{ node: RecordNode; json: fc.Arbitrary<unknown> }> {
  return fc
    .uniqueArray(fc.tuple(name(), arbitraryType(depth)), { minLength: 1, maxLength: 5, selector: ([key]) => key })
    .map(fields => ({
      node: { kind: 'record', name: 'R', fields: fields.map(([key, { node }]) => ({ name: key, type: node })) },
      json: fc.record(Object.fromEntries(fields.map(([key, { json }]) => [key, json]))),
    }))
}

export function arbitraryType(depth = 2): fc.Arbitrary<TypeAndJson> {
  const scalar = fc.oneof(...scalars)
  if (depth === 0) return scalar
  const inner = arbitraryType(depth - 1)
  return fc.oneof(
    { weight: 4, arbitrary: scalar },
    { weight: 2, arbitrary: inner.filter(({ node }) => node.kind !== 'optional').map(optional) },
    {
      weight: 1,
      arbitrary: inner.map(arrayOf),
    },
    { weight: 1, arbitrary: arbitraryRecord(depth - 1) },
  )
}

function optional({ node, json }: TypeAndJson): TypeAndJson {
  return { node: { kind: 'optional', of: node }, json: fc.option(json) }
}

function arrayOf({ node, json }: TypeAndJson): TypeAndJson {
  return { node: { kind: 'array', of: node }, json: fc.array(json, { maxLength: 3 }) }
}
