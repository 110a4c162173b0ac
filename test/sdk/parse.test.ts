import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileParser, formatIssue, maxIssues } from '../../src/sdk/parse.ts'
import { type Type, t } from '../../src/sdk/types.ts'
import { arbitraryRecord, arbitraryType } from './arbitrary-types.ts'

function parse(type: Type<unknown>, value: unknown): unknown {
  const result = compileParser(type.node)(value)
  if (result.issues !== undefined) throw new Error(result.issues.map(formatIssue).join('\n'))
  return result.value
}

function issues(type: Type<unknown>, value: unknown): readonly string[] {
  return (compileParser(type.node)(value).issues ?? []).map(formatIssue)
}

describe('scalars', () => {
  const uuid = '0190a5f0-7c1e-7b3a-9f00-0123456789ab'

  it.each<[string, Type<unknown>, unknown, unknown]>([
    ['text as it is', t.text(), 'Zoë 😀', 'Zoë 😀'],
    ['a number as text where that is allowed', t.text({ acceptNumbers: true }), 41001, '41001'],
    ['a UUID in lower case', t.uuid(), uuid.toUpperCase(), uuid],
    ['a boolean', t.boolean(), false, false],
    ['the smallest int', t.int(), -(2 ** 31), -(2 ** 31)],
    ['minus zero as an int zero', t.int(), -0, 0],
    ['minus zero as a long zero', t.long(), -0, 0],
    ['the largest long', t.long(), Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['a double', t.double(), 1.5, 1.5],
    ['a decimal with its scale filled up', t.decimal(10, 2), '12.5', '12.50'],
    ['a decimal given as a number', t.decimal(10, 2), 1.2, '1.20'],
    ['a decimal in exponent form', t.decimal(10, 2), '1.25e3', '1250.00'],
    ['a small number in exponent form', t.decimal(10, 8), 1e-7, '0.00000010'],
    ['a large number in exponent form', t.decimal(38, 0), 1e21, '1000000000000000000000'],
    ['a decimal with leading and trailing zeros', t.decimal(4, 1), '+0012.5000', '12.5'],
    ['minus zero as a decimal zero', t.decimal(4, 2), '-0.00', '0.00'],
    ['a decimal without digits before the point', t.decimal(2, 2), '-0.25', '-0.25'],
    ['a time with an offset', t.timestamp(), '2026-03-01T10:00:00+02:00', new Date('2026-03-01T08:00:00Z')],
    ['29 February of a leap year', t.timestamp(), '2024-02-29T00:00:00Z', new Date('2024-02-29T00:00:00Z')],
    ['a time to the millisecond', t.timestamp(), '2026-03-01T10:00:00.123987Z', new Date('2026-03-01T10:00:00.123Z')],
    ['a Date', t.timestamp(), new Date(5), new Date(5)],
    ['a symbol', t.enum('S', ['new', 'paid']), 'paid', 'paid'],
    ['null for what is optional', t.optional(t.int()), null, null],
    ['nothing for what is optional', t.optional(t.int()), undefined, null],
    ['an array', t.array(t.optional(t.int())), [1, null], [1, null]],
  ])('takes %s', (_, type, value, expected) => {
    expect(parse(type, value)).toStrictEqual(expected)
  })

  it.each<[string, Type<unknown>, unknown, string]>([
    ['a lone surrogate', t.text(), 'a\ud800', 'expected text, found text that is not valid Unicode'],
    ['a number as text', t.text(), 7, 'expected text, found 7'],
    ['infinity as text', t.text({ acceptNumbers: true }), Infinity, 'expected text or a number, found Infinity'],
    [
      'long text, abbreviated',
      t.int(),
      'x'.repeat(99),
      `expected a whole number of 32 bits, found "${'x'.repeat(39)}…"`,
    ],
    [
      'a UUID without hyphens',
      t.uuid(),
      '0190a5f07c1e7b3a9f000123456789ab',
      'expected a UUID, found "0190a5f07c1e7b3a9f000123456789ab"',
    ],
    ['a boolean as text', t.boolean(), 'true', 'expected true or false, found "true"'],
    ['an int of 33 bits', t.int(), 2 ** 31, 'expected a whole number of 32 bits, found 2147483648'],
    ['a fraction as an int', t.int(), 1.5, 'expected a whole number of 32 bits, found 1.5'],
    [
      'a long that a double cannot hold',
      t.long(),
      2 ** 53,
      'expected a whole number within ±(2^53 − 1), found 9007199254740992',
    ],
    ['NaN', t.double(), NaN, 'expected a number, found NaN'],
    [
      'a decimal with a digit too many after the point',
      t.decimal(10, 2),
      '1.005',
      'expected a decimal of at most 8 digits before the point and 2 after, found "1.005"',
    ],
    [
      'a decimal with a digit too many before the point',
      t.decimal(4, 2),
      100,
      'expected a decimal of at most 2 digits before the point and 2 after, found 100',
    ],
    [
      'a decimal of a huge exponent',
      t.decimal(4, 2),
      '1e999',
      'expected a decimal of at most 2 digits before the point and 2 after, found "1e999"',
    ],
    [
      'a decimal with a comma',
      t.decimal(4, 2),
      '1,5',
      'expected a decimal of at most 2 digits before the point and 2 after, found "1,5"',
    ],
    [
      'a time without an offset',
      t.timestamp(),
      '2026-03-01T10:00:00',
      'expected a time in ISO 8601 with an offset, found "2026-03-01T10:00:00"',
    ],
    [
      '30 February',
      t.timestamp(),
      '2024-02-30T00:00:00Z',
      'expected a time in ISO 8601 with an offset, found "2024-02-30T00:00:00Z"',
    ],
    [
      '29 February of a common year',
      t.timestamp(),
      '2100-02-29T00:00:00Z',
      'expected a time in ISO 8601 with an offset, found "2100-02-29T00:00:00Z"',
    ],
    [
      'hour 25',
      t.timestamp(),
      '2024-02-03T25:00:00Z',
      'expected a time in ISO 8601 with an offset, found "2024-02-03T25:00:00Z"',
    ],
    ['a time as a number', t.timestamp(), 0, 'expected a time in ISO 8601 with an offset, found 0'],
    ['an invalid Date', t.timestamp(), new Date(NaN), 'expected a time in ISO 8601 with an offset, found a Date'],
    ['another symbol', t.enum('S', ['new', 'paid']), 'Paid', 'expected one of new, paid, found "Paid"'],
    ['null where it is needed', t.text(), null, 'expected text, found null'],
    ['nothing where it is needed', t.text(), undefined, 'expected text, found nothing'],
    ['an array as an object', t.record('R', { a: t.text() }), [1, 2], 'expected an object, found an array of 2'],
    ['an object as an array', t.array(t.text()), {}, 'expected an array, found an object'],
  ])('refuses %s', (_, type, value, issue) => {
    expect(issues(type, value)).toEqual([issue])
  })
})

describe('records', () => {
  const user = t.record('User', {
    name: t.text(),
    location: t.record('Location', { street: t.record('Street', { number: t.int() }) }),
    tags: t.array(t.record('Tag', { id: t.int() })),
  })

  it('drop fields that are not declared', () => {
    const street = { number: 1, other: true }
    const value = { name: 'a', location: { street }, tags: [{ id: 1, x: 2 }], extra: [] }
    expect(parse(user, value)).toStrictEqual({ name: 'a', location: { street: { number: 1 } }, tags: [{ id: 1 }] })
  })

  it('report every fault with its path', () => {
    const value = { location: { street: { number: '7' } }, tags: [{ id: 1 }, { id: null }] }
    expect(issues(user, value)).toEqual([
      'name: expected text, found nothing',
      'location.street.number: expected a whole number of 32 bits, found "7"',
      'tags[1].id: expected a whole number of 32 bits, found null',
    ])
  })

  it(`report at most ${maxIssues} faults, however many there are`, () => {
    expect(issues(t.array(t.int()), Array(1_000_000).fill('x'))).toHaveLength(maxIssues)
    const wide = t.record('Wide', Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, t.int()])))
    expect(issues(wide, {})).toHaveLength(maxIssues)
  })

  it('never take what every object inherits for a field', () => {
    const odd = t.record('Odd', { constructor: t.optional(t.text()), toString: t.optional(t.text()) })
    expect(parse(odd, {})).toEqual({ constructor: null, toString: null })
    expect(parse(odd, JSON.parse('{"constructor":"Ferrari"}'))).toEqual({ constructor: 'Ferrari', toString: null })
  })

  it('do not let a value change the prototype of a record', () => {
    const parsed = parse(t.record('R', { a: t.int() }), JSON.parse('{"a":1,"__proto__":{"b":2}}'))
    expect(parsed).toStrictEqual({ a: 1 })
  })
})

describe('any type', () => {
  it('never throws, whatever the value', () => {
    const throwing = fc.constantFrom<unknown>(
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('no')
          },
        },
      ),
      Object.defineProperty({}, 'a', {
        get: () => {
          throw new Error('no')
        },
        enumerable: true,
      }),
      Symbol('s'),
      10n,
      () => 1,
      Object.create(null),
    )
    fc.assert(
      fc.property(
        arbitraryType(),
        fc.oneof(fc.anything({ withDate: true, withBigInt: true, withNullPrototype: true }), throwing),
        ({ node }, value) => {
          const result = compileParser(node)(value)
          if (result.issues !== undefined) {
            expect(result.issues.length).toBeGreaterThan(0)
            expect(result.issues.length).toBeLessThanOrEqual(maxIssues)
          }
        },
      ),
    )
  })

  it('takes JSON of its own', () => {
    fc.assert(
      fc.property(
        arbitraryRecord().chain(({ node, json }) => json.map(value => ({ node, value }))),
        ({ node, value }) => {
          expect(compileParser(node)(value).issues).toBeUndefined()
        },
      ),
    )
  })

  it('gives a clean value that it takes again unchanged, also through JSON', () => {
    fc.assert(
      fc.property(
        arbitraryRecord().chain(({ node, json }) => json.map(value => ({ node, value }))),
        ({ node, value }) => {
          const parser = compileParser(node)
          const once = parser(value)
          if (once.issues !== undefined) throw new Error('refused')
          // Not toStrictEqual: it takes a field named constructor for the prototype's.
          expect(isDeepStrictEqual(parser(once.value), once)).toBe(true)
          const throughJson = (from: unknown) => parser(JSON.parse(JSON.stringify(from)))
          expect(isDeepStrictEqual(throughJson(once.value), throughJson(value))).toBe(true)
        },
      ),
    )
  })
})
