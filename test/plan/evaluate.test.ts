import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileExpression, compileSelect } from '../../src/plan/evaluate.ts'
import { typeOf } from '../../src/plan/expression-types.ts'
import {
  and,
  cast,
  coalesce,
  concat,
  eq,
  type Fields,
  fieldsOf,
  gt,
  gte,
  isNull,
  literal,
  lower,
  lt,
  ne,
  nodeOf,
  not,
  or,
  text,
  trim,
  upper,
} from '../../src/sdk/expressions.ts'
import type { ExpressionNode } from '../../src/sdk/nodes.ts'
import { compileParser } from '../../src/sdk/parse.ts'
import { type Infer, t } from '../../src/sdk/types.ts'

const record = t.record('Record', {
  name: t.text(),
  nick: t.optional(t.text()),
  count: t.int(),
  ratio: t.double(),
  price: t.decimal(10, 2),
  rate: t.optional(t.decimal(10, 4)),
  at: t.timestamp(),
  ok: t.optional(t.boolean()),
  status: t.enum('Status', ['new', 'paid']),
  id: t.uuid(),
  home: t.optional(t.record('Home', { city: t.text(), zip: t.optional(t.text()) })),
})

type Value = Infer<typeof record>

const value: Value = {
  name: ' Zoë ',
  nick: null,
  count: 7,
  ratio: 0.5,
  price: '9.50',
  rate: '10.0000',
  at: new Date('2026-03-01T08:00:00Z'),
  ok: null,
  status: 'paid',
  id: '0190a5f0-7c1e-7b3a-9f00-0123456789ab',
  home: { city: 'Gent', zip: null },
}

function evaluate(build: (fields: Fields<Value>) => unknown, changes: Partial<Value> = {}): unknown {
  const node = nodeOf(build(fieldsOf<Value>(record.node)))
  return compileExpression(node, record.node)({ ...value, ...changes })
}

describe('expressions', () => {
  it.each<[string, (r: Fields<Value>) => unknown, unknown]>([
    ['a field', r => r.count, 7],
    ['a nested field', r => r.home.city, 'Gent'],
    ['a null field', r => r.nick, null],
    [
      'concat casts its parts',
      r => concat(r.count, '/', r.ratio, '/', r.price, '/', r.status, true),
      '7/0.5/9.50/paidtrue',
    ],
    ['concat of a time', r => concat(r.at), '2026-03-01T08:00:00.000Z'],
    ['concat with a null', r => concat('a', r.nick, 'b'), null],
    ['concat of nothing', () => concat(), ''],
    ['coalesce takes the first that is not null', r => coalesce(r.nick, r.home.zip, r.name), ' Zoë '],
    ['coalesce of nulls', r => coalesce(r.nick, null), null],
    ['coalesce reads a constant as the type it meets', r => coalesce(r.rate, '1'), '10.0000'],
    ['upper', r => upper(r.name), ' ZOË '],
    ['upper of ß', () => upper('straße'), 'STRASSE'],
    ['lower of null', r => lower(r.nick), null],
    ['trim', r => trim(r.name), 'Zoë'],
    ['a number as text', r => text(r.ratio), '0.5'],
    ['a boolean as text', () => cast(true, 'text'), 'true'],
    ['null as text', r => text(r.ok), null],
    ['a constant time', () => literal(new Date(5)), new Date(5)],
    ['eq of an enum', r => eq(r.status, 'paid'), true],
    ['ne with a null', r => ne(r.nick, 'a'), null],
    ['times', r => gt(r.at, new Date('2026-02-28T00:00:00Z')), true],
    ['decimals by size, not as text', r => lt(r.price, r.rate), true],
    ['a decimal and a constant', r => gte(r.price, '9.5'), true],
    ['a decimal and a constant with more digits', r => lt(r.price, '9.50'), false],
    ['a constant and a decimal', r => lt('9.5', r.price), false],
    ['numbers of two types', r => lt(r.ratio, r.count), true],
    ['text by code point, as UTF-8 orders it', () => lt('\uff61', '\u{1f600}'), true],
    ['a prefix before the longer text', () => lt('a', 'ab'), true],
    ['isNull of null', r => isNull(r.nick), true],
    ['isNull of a value', r => isNull(r.name), false],
    ['not null', r => not(r.ok), null],
  ])('%s', (_, build, expected) => {
    expect(evaluate(build)).toEqual(expected)
  })

  it('give null for every field behind a null record', () => {
    expect(evaluate(r => r.home.city, { home: null })).toBe(null)
    expect(evaluate(r => concat('in ', r.home.city), { home: null })).toBe(null)
  })

  it('bring a constant into the form of the decimal it stands in for', () => {
    expect(evaluate(r => coalesce(r.rate, '1'), { rate: null })).toBe('1.0000')
  })

  it('build a row in the order of the select', () => {
    const fields = fieldsOf<Value>(record.node)
    const select = [
      { name: 'b', value: nodeOf(fields.count) },
      { name: 'a', value: nodeOf(fields.home.city) },
    ]
    expect(Object.entries(compileSelect(select, record.node)(value))).toEqual([
      ['b', 7],
      ['a', 'Gent'],
    ])
  })
})

describe('three-valued logic', () => {
  const { node } = t.record('R', { a: t.optional(t.boolean()), b: t.optional(t.boolean()) })
  const rows: readonly (readonly [boolean | null, boolean | null, boolean | null, boolean | null])[] = [
    // a, b, a and b, a or b
    [true, true, true, true],
    [true, false, false, true],
    [true, null, null, true],
    [false, true, false, true],
    [false, false, false, false],
    [false, null, false, null],
    [null, true, null, true],
    [null, false, false, null],
    [null, null, null, null],
  ]
  it.each(rows)('%s, %s: and is %s, or is %s', (a, b, both, either) => {
    const r = fieldsOf<{ a: boolean | null; b: boolean | null }>(node)
    expect(compileExpression(nodeOf(and(r.a, r.b)), node)({ a, b })).toBe(both)
    expect(compileExpression(nodeOf(or(r.a, r.b)), node)({ a, b })).toBe(either)
  })
})

describe('any expression', () => {
  /** Written as plainly as possible from the rules in nodes.ts, to compare with. */
  function naive(node: ExpressionNode, row: Value): unknown {
    switch (node.kind) {
      case 'field': {
        let found: unknown = row
        for (const step of node.path) found = found === null ? null : (found as Record<string, unknown>)[step]
        return found
      }
      case 'literal':
        return node.value
      case 'concat': {
        const parts = node.parts.map(part => naive(part, row))
        return parts.includes(null) ? null : parts.map(plain).join('')
      }
      case 'coalesce':
        return node.of.map(part => naive(part, row)).find(part => part !== null) ?? null
      case 'upper':
      case 'lower':
      case 'trim':
      case 'cast':
      case 'not': {
        const of = naive(node.of, row)
        if (of === null) return null
        if (node.kind === 'not') return !of
        const word = plain(of)
        return node.kind === 'upper'
          ? word.toUpperCase()
          : node.kind === 'lower'
            ? word.toLowerCase()
            : node.kind === 'trim'
              ? word.trim()
              : word
      }
      case 'isNull':
        return naive(node.of, row) === null
      case 'and':
      case 'or': {
        const of = node.of.map(part => naive(part, row))
        const decisive = node.kind === 'or'
        return of.includes(decisive) ? decisive : of.includes(null) ? null : !decisive
      }
      default: {
        const [left, right] = [naive(node.left, row), naive(node.right, row)]
        if (left === null || right === null) return null
        const sign =
          typeof left === 'number'
            ? left - (right as number)
            : Buffer.compare(Buffer.from(plain(left)), Buffer.from(plain(right)))
        return { eq: sign === 0, ne: sign !== 0, lt: sign < 0, lte: sign <= 0, gt: sign > 0, gte: sign >= 0 }[node.kind]
      }
    }
  }

  const plain = (of: unknown): string => (of instanceof Date ? of.toISOString() : String(of))

  const field = (...path: string[]): ExpressionNode => ({ kind: 'field', path })
  const word = fc.string({ unit: 'grapheme', maxLength: 4 })
  const constant = (of: fc.Arbitrary<string | number | boolean | null>) =>
    of.map((value): ExpressionNode => ({ kind: 'literal', value }))

  const { texts, numbers, booleans } = fc.letrec<Record<'texts' | 'numbers' | 'booleans', ExpressionNode>>(tie => {
    const any = fc.oneof(tie('texts'), tie('numbers'), tie('booleans'), fc.constantFrom(field('at'), field('price')))
    const several = (of: fc.Arbitrary<ExpressionNode>) => fc.array(of, { minLength: 1, maxLength: 3 })
    const comparison = fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte')
    return {
      texts: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(field('name'), field('nick'), field('id'), field('home', 'city'), field('home', 'zip')),
        constant(fc.option(word)),
        fc.record({ kind: fc.constant('concat'), parts: several(any) }),
        fc.record({ kind: fc.constant('coalesce'), of: several(tie('texts')) }),
        fc.record({ kind: fc.constantFrom('upper', 'lower', 'trim'), of: tie('texts') }),
        fc.record({ kind: fc.constant('cast'), of: any, to: fc.constant('text') }),
      ),
      numbers: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(field('count'), field('ratio')),
        constant(fc.option(fc.integer())),
        fc.record({ kind: fc.constant('coalesce'), of: several(tie('numbers')) }),
      ),
      booleans: fc.oneof(
        { maxDepth: 4 },
        fc.constant(field('ok')),
        constant(fc.option(fc.boolean())),
        fc.record({ kind: comparison, left: tie('texts'), right: tie('texts') }),
        fc.record({ kind: comparison, left: tie('numbers'), right: tie('numbers') }),
        fc.record({ kind: fc.constantFrom('and', 'or'), of: several(tie('booleans')) }),
        fc.record({ kind: fc.constant('not'), of: tie('booleans') }),
        fc.record({ kind: fc.constant('isNull'), of: any }),
      ),
    } as never
  })

  const row = fc.record<Value>({
    name: word,
    nick: fc.option(word),
    count: fc.integer(),
    ratio: fc.double({ noNaN: true, noDefaultInfinity: true }),
    price: fc.constantFrom('0.00', '9.50', '-10.25'),
    rate: fc.constant(null),
    at: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') }),
    ok: fc.option(fc.boolean()),
    status: fc.constantFrom('new', 'paid'),
    id: fc.uuid(),
    home: fc.option(fc.record({ city: word, zip: fc.option(word) })),
  })

  it('gives what the rules say, and only values of its type', () => {
    fc.assert(
      fc.property(fc.oneof(texts, numbers, booleans), row, (node, each) => {
        const result = compileExpression(node, record.node)(each)
        expect(result).toEqual(naive(node, each))
        const { type, nullable } = typeOf(node, record.node)
        if (result === null) expect(nullable).toBe(true)
        else expect(compileParser(type!)(result).issues).toBeUndefined()
      }),
      { numRuns: 1000 },
    )
  })
})
