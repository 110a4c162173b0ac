import { describe, expect, it } from 'vitest'
import { concat, eq, fieldsOf, literal, nodeOf } from '../../src/sdk/expressions.ts'
import { type Infer, t } from '../../src/sdk/types.ts'

const record = t.record('R', {
  name: t.text(),
  constructor: t.text(),
  home: t.optional(t.record('Home', { city: t.text() })),
})
const r = fieldsOf<Infer<typeof record>>(record.node)

const mismatch = expect.objectContaining({ code: 'TYPE_MISMATCH', fix: expect.any(String) })

describe('fields', () => {
  it('are nodes with their path', () => {
    expect(nodeOf(r.home.city)).toEqual({ kind: 'field', path: ['home', 'city'] })
  })

  it('may have the name of something that every object has', () => {
    expect(nodeOf(r.constructor)).toEqual({ kind: 'field', path: ['constructor'] })
  })

  it('can be taken apart and spread', () => {
    const { name, ...rest } = r
    expect(Object.keys({ ...rest })).toEqual(['constructor', 'home'])
    expect(nodeOf({ ...rest }.home.city)).toEqual({ kind: 'field', path: ['home', 'city'] })
    expect(nodeOf(name)).toEqual({ kind: 'field', path: ['name'] })
  })

  it('that do not exist keep their path, for the plan to report', () => {
    expect(nodeOf((r.home as unknown as { town: { no: unknown } }).town.no)).toEqual({
      kind: 'field',
      path: ['home', 'town', 'no'],
    })
  })
})

describe('an expression', () => {
  it.each<[string, () => unknown]>([
    // biome-ignore lint/style/useTemplate: it is the + that is tested
    ['+', () => (r.name as unknown as string) + '!'],
    ['a template literal', () => `${r.name}`],
    ['<', () => (concat(r.name) as unknown as number) < 1],
  ])('refuses %s, which would not compute anything', (_, use) => expect(use).toThrow(mismatch))

  it('has no −0, as the JSON of a plan has none', () => {
    expect(nodeOf(-0)).toEqual({ kind: 'literal', value: 0 })
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['NaN', NaN],
    ['an object', { a: 1 }],
    ['an array', ['a']],
    ['a function', () => 1],
    ['an invalid Date', new Date(NaN)],
  ])('is not made of %s', (_, operand) => {
    expect(() => eq(r.name, operand as string)).toThrow(mismatch)
  })

  it('is plain JSON, times too', () => {
    const at = new Date('2026-03-01T00:00:00Z')
    const node = nodeOf(eq(literal(at), at))
    expect(JSON.parse(JSON.stringify(node))).toEqual(node)
    expect(node).toMatchObject({ left: { value: '2026-03-01T00:00:00.000Z', type: { kind: 'timestamp' } } })
  })
})
