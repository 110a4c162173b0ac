import { describe, expect, it } from 'vitest'
import { fieldsIn } from '../../src/plan/lineage.ts'
import { and, coalesce, concat, eq, fieldsOf, isNull, nodeOf, not, text, upper } from '../../src/sdk/expressions.ts'
import { t } from '../../src/sdk/types.ts'

const record = t.record('R', {
  a: t.text(),
  b: t.optional(t.text()),
  n: t.int(),
  home: t.record('Home', { city: t.text() }),
})
const r = fieldsOf<{ a: string; b: string | null; n: number; home: { city: string } }>(record.node)

describe('the fields an expression reads', () => {
  it.each<[string, unknown, readonly string[]]>([
    ['a field', r.home.city, ['home.city']],
    ['the whole record', r, ['*']],
    ['a constant', 'a', []],
    ['each once, in order', concat(r.b, r.a, r.b), ['b', 'a']],
    [
      'all the way down',
      coalesce(upper(r.b), text(and(not(isNull(r.b)), eq(r.n, 1))), r.home.city),
      ['b', 'n', 'home.city'],
    ],
  ])('%s', (_, operand, fields) => expect(fieldsIn(nodeOf(operand))).toEqual(fields))
})
