import fc from 'fast-check'
import { typeOf } from '../../../src/plan/expression-types.ts'
import { nodeOf } from '../../../src/sdk/expressions.ts'
import type { ExpressionNode, RecordNode, TypeNode } from '../../../src/sdk/nodes.ts'
import { t } from '../../../src/sdk/types.ts'

/** A record with a field of every kind, optional and nested ones too. */
export const everything = t.record('Everything', {
  word: t.text(),
  nick: t.optional(t.text()),
  Word: t.text(),
  id: t.uuid(),
  color: t.enum('Color', ['red', 'green']),
  shade: t.optional(t.enum('Shade', ['red', 'blue'])),
  small: t.int(),
  maybeSmall: t.optional(t.int()),
  large: t.long(),
  ratio: t.double(),
  maybeRatio: t.optional(t.double()),
  price: t.decimal(10, 2),
  cost: t.optional(t.decimal(12, 2)),
  rate: t.optional(t.decimal(12, 4)),
  tiny: t.decimal(12, 10),
  at: t.timestamp(),
  until: t.optional(t.timestamp()),
  ok: t.boolean(),
  maybe: t.optional(t.boolean()),
  home: t.optional(
    t.record('Home', {
      city: t.text(),
      zip: t.optional(t.text()),
      built: t.optional(t.timestamp()),
      flat: t.optional(t.record('Flat', { floor: t.int(), rent: t.double() })),
    }),
  ),
  tags: t.array(t.optional(t.text())),
  places: t.array(t.record('Place', { name: t.text(), at: t.optional(t.timestamp()) })),
})

const hardTexts = [
  ...['', ' ', '\t\n\u00a0\u2003\u3000\ufeff x \u2028', '\u0085x\u200b', '\u180ex', 'nul\u0000nul', "it's", '\\', '"'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Spark puts the value of a setting in for it
  ...['${spark.app.name}', '%_', '\\u0041', 'a\nb\r', 'red', 'true', '1', '1.0', '1e3', 'null', 'NULL', '0x10', '-0'],
  ...['straße', 'ﬁn', 'İstanbul', 'ıI', 'ΟΔΥΣΣΕΥΣ', 'Σ', 'ΑΣ.', 'ǅ', 'Å', 'e\u0301', '\u0301', 'ŉ', 'ΐ', 'ẞ'],
  ...['\u{1f600}', '\u{10400}\u{10428}', '\uff61', '\ufffd', '\u{10ffff}', '\ue000', 'ა', 'Ა', 'ꭰ', 'Ꭰ', '日本', 'ي'],
]

const text = fc.oneof(
  fc.constantFrom(...hardTexts),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('Σ', 'σ', 'a', ' ', '\u0307', 'I', '.', '\u{1f600}'), maxLength: 5 }),
)
const int = fc.oneof(fc.constantFrom(0, 1, -1, 7, 2 ** 31 - 1, -(2 ** 31)), fc.integer())
const long = fc.oneof(int, fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER), fc.maxSafeInteger())
const double = fc.oneof(
  fc.constantFrom(0, -0, 1, 7, 0.1, 1e21, 1e-7, 5e-324, -1.5, Number.MAX_VALUE, 2 ** 53, 2 ** 31, 123_456.789, 1e20),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const time = fc.oneof(
  fc.constantFrom(0, -1, 8.64e15, -8.64e15, 253_402_300_800_000, -62_167_219_200_001, -12_219_292_800_000),
  fc.integer({ min: -8.64e15, max: 8.64e15 }),
  fc.integer({ min: -1e13, max: 1e13 }),
)

function decimal(precision: number, scale: number): fc.Arbitrary<string> {
  const limit = 10n ** BigInt(precision) - 1n
  return fc.oneof(fc.constantFrom(0n, 1n, -1n, limit, -limit), fc.bigInt({ min: -limit, max: limit })).map(unscaled => {
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
    const point = digits.length - scale
    return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`
  })
}

/** Values of a type as the decoder gives them. */
export function valuesOf(type: TypeNode): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'text':
      return text
    case 'uuid':
      return fc.uuid()
    case 'boolean':
      return fc.boolean()
    case 'int':
      return int
    case 'long':
      return long
    case 'double':
      return double
    case 'decimal':
      return decimal(type.precision, type.scale)
    case 'timestamp':
      return time.map(millis => new Date(millis))
    case 'enum':
      return fc.constantFrom(...type.symbols)
    case 'optional':
      return fc.option(valuesOf(type.of), { freq: 3 })
    case 'array':
      return fc.array(valuesOf(type.of), { maxLength: 3 })
    case 'record':
      return recordsOf(type)
  }
}

export function recordsOf(type: RecordNode): fc.Arbitrary<{ readonly [field: string]: unknown }> {
  return fc.record(Object.fromEntries(type.fields.map(field => [field.name, valuesOf(field.type)])))
}

type Family = 'text' | 'number' | 'decimal' | 'boolean' | 'time'

const field = (...path: string[]): ExpressionNode => ({ kind: 'field', path })
const literal = (of: fc.Arbitrary<string | number | boolean | null>) => of.map(value => nodeOf(value))

const fields: { readonly [F in Family]: readonly ExpressionNode[] } = {
  text: [
    ...['word', 'nick', 'Word', 'id', 'color', 'shade'].map(name => field(name)),
    ...[field('home', 'city'), field('home', 'zip')],
  ],
  number: [
    ...['small', 'maybeSmall', 'large', 'ratio', 'maybeRatio'].map(name => field(name)),
    ...[field('home', 'flat', 'floor'), field('home', 'flat', 'rent')],
  ],
  decimal: ['price', 'cost', 'rate', 'tiny'].map(name => field(name)),
  boolean: ['ok', 'maybe'].map(name => field(name)),
  time: [field('at'), field('until'), field('home', 'built')],
}

const comparison = fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte')

const drawn: fc.Arbitrary<ExpressionNode> = fc.letrec<Record<Family | 'any', ExpressionNode>>(tie => {
  const any = fc.oneof(tie('text'), tie('number'), tie('decimal'), tie('boolean'), tie('time'))
  const several = (of: fc.Arbitrary<ExpressionNode>) => fc.array(of, { minLength: 1, maxLength: 3 })
  const compared = (family: Family) => fc.record({ kind: comparison, left: tie(family), right: tie(family) })
  const first = (family: Family) => fc.record({ kind: fc.constant('coalesce'), of: several(tie(family)) })
  const sized = { maxDepth: 4, depthSize: 'small' } as const
  return {
    any,
    text: fc.oneof(
      sized,
      fc.constantFrom(...fields.text),
      literal(fc.option(text, { freq: 8 })),
      fc.record({ kind: fc.constant('concat'), parts: fc.array(any, { maxLength: 4 }) }),
      first('text'),
      fc.record({ kind: fc.constantFrom('upper', 'lower', 'trim'), of: tie('text') }),
      fc.record({ kind: fc.constant('cast'), of: any, to: fc.constant('text') }),
    ),
    number: fc.oneof(
      sized,
      fc.constantFrom(...fields.number),
      literal(fc.option(fc.oneof(int, long, double))),
      first('number'),
    ),
    decimal: fc.oneof(sized, fc.constantFrom(...fields.decimal), first('decimal')),
    time: fc.oneof(
      sized,
      fc.constantFrom(...fields.time),
      time.map(
        (millis): ExpressionNode => ({
          kind: 'literal',
          value: new Date(millis).toISOString(),
          type: { kind: 'timestamp' },
        }),
      ),
      first('time'),
    ),
    boolean: fc.oneof(
      sized,
      fc.constantFrom(...fields.boolean),
      literal(fc.option(fc.boolean())),
      ...(['text', 'number', 'decimal', 'boolean', 'time'] as const).map(compared),
      fc.record({ kind: fc.constantFrom('and', 'or'), of: fc.array(tie('boolean'), { maxLength: 3 }) }),
      fc.record({ kind: fc.constant('not'), of: tie('boolean') }),
      fc.record({ kind: fc.constant('isNull'), of: any }),
    ),
  } as never
}).any

/** Expressions over `everything` that the plan accepts, of every function, nested a few levels. */
export const anyExpression = drawn.filter(node => {
  try {
    typeOf(node, everything.node)
    return true
  } catch {
    // Such as a coalesce of decimals with several scales.
    return false
  }
})
