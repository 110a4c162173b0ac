import {
  and,
  cast,
  coalesce,
  concat,
  type Expression,
  eq,
  type Fields,
  gt,
  type Infer,
  isNull,
  literal,
  lt,
  not,
  or,
  t,
  text,
  upper,
} from 'millrace'
import { describe, expectTypeOf, it } from 'vitest'
import { fieldsOf } from '../../src/sdk/expressions.ts'

const record = t.record('R', {
  name: t.text(),
  nick: t.optional(t.text()),
  count: t.int(),
  at: t.timestamp(),
  ok: t.boolean(),
  status: t.enum('Status', ['new', 'paid']),
  tags: t.array(t.text()),
  home: t.optional(t.record('Home', { city: t.text(), geo: t.record('Geo', { lat: t.double() }) })),
})
const r: Fields<Infer<typeof record>> = fieldsOf(record.node)

/** The type an expression has, without the fields that it may have as well. */
type Of<E> = E extends Expression<infer T> ? T : never

describe('fields', () => {
  it('have the type of the field', () => {
    expectTypeOf<Of<typeof r.count>>().toEqualTypeOf<number>()
    expectTypeOf<Of<typeof r.status>>().toEqualTypeOf<'new' | 'paid'>()
    expectTypeOf<Of<typeof r.at>>().toEqualTypeOf<Date>()
    expectTypeOf<Of<typeof r.tags>>().toEqualTypeOf<readonly string[]>()
  })

  it('may be null behind an optional record, at any depth', () => {
    expectTypeOf<Of<typeof r.home.city>>().toEqualTypeOf<string | null>()
    expectTypeOf<Of<typeof r.home.geo.lat>>().toEqualTypeOf<number | null>()
  })

  it('that do not exist are errors', () => {
    // @ts-expect-error
    r.nmae
    // @ts-expect-error
    r.home.town
    // @ts-expect-error text has no fields
    r.name.length
    // @ts-expect-error nor has a time
    r.at.getTime
    // @ts-expect-error nor has an array
    r.tags.length
  })
})

describe('null', () => {
  it('is passed on by what computes from it', () => {
    expectTypeOf(concat(r.name, ' ', r.count)).toEqualTypeOf<Expression<string>>()
    expectTypeOf(concat(r.name, r.nick)).toEqualTypeOf<Expression<string | null>>()
    expectTypeOf(concat(r.name, r.home.city)).toEqualTypeOf<Expression<string | null>>()
    expectTypeOf(upper(r.name)).toEqualTypeOf<Expression<string>>()
    expectTypeOf(upper(r.nick)).toEqualTypeOf<Expression<string | null>>()
    expectTypeOf(text(r.count)).toEqualTypeOf<Expression<string>>()
    expectTypeOf(cast(r.home.geo.lat, 'text')).toEqualTypeOf<Expression<string | null>>()
    expectTypeOf(eq(r.nick, 'a')).toEqualTypeOf<Expression<boolean | null>>()
    expectTypeOf(and(eq(r.name, 'a'), r.ok)).toEqualTypeOf<Expression<boolean>>()
    expectTypeOf(or(r.ok, eq(r.nick, 'a'))).toEqualTypeOf<Expression<boolean | null>>()
    expectTypeOf(not(eq(r.name, 'a'))).toEqualTypeOf<Expression<boolean>>()
  })

  it('ends at isNull, and at a coalesce with an operand that has none', () => {
    expectTypeOf(isNull(r.nick)).toEqualTypeOf<Expression<boolean>>()
    expectTypeOf<Of<ReturnType<typeof none>>>().toEqualTypeOf<string | null>()
    expectTypeOf<Of<ReturnType<typeof last>>>().toEqualTypeOf<string>()
    expectTypeOf<Of<ReturnType<typeof constant>>>().toEqualTypeOf<string>()
    expectTypeOf<Of<ReturnType<typeof withNull>>>().toEqualTypeOf<string | null>()
  })
  const none = () => coalesce(r.nick, r.home.city)
  const last = () => coalesce(r.nick, r.home.city, r.name)
  const constant = () => coalesce(r.nick, 'none')
  const withNull = () => coalesce(r.nick, null)
})

describe('operands', () => {
  it('of a comparison are of one type', () => {
    eq(r.status, 'paid')
    eq('paid', r.status)
    eq(r.name, r.nick)
    gt(r.at, new Date(0))
    lt(r.count, 5)
    eq(r.name, literal('a'))
    // @ts-expect-error no symbol of the enum
    eq(r.status, 'payed')
    // @ts-expect-error
    gt(r.at, 1)
    // @ts-expect-error
    lt(r.count, '5')
    // @ts-expect-error booleans have no order
    lt(r.ok, true)
    // @ts-expect-error nor have arrays
    eq(r.tags, 'a')
  })

  it('are what the function computes with', () => {
    // @ts-expect-error
    upper(r.count)
    // @ts-expect-error
    not(r.name)
    // @ts-expect-error
    and(r.ok, r.count)
    // @ts-expect-error an array has no text
    concat(r.tags)
    // @ts-expect-error nor has a record
    concat(r.home)
    // @ts-expect-error
    cast(r.count, 'number')
  })
})
