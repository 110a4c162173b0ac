import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatTable } from '../../src/cli/table.ts'
import { printable, textWidth } from '../../src/cli/text.ts'

describe('a table for people', () => {
  it('is aligned whatever the script', () => {
    const rows = [
      ['Álvaro', '1'],
      ['李', '20'],
      ['A\u0301', '300'],
    ]
    expect(formatTable([{ title: 'name' }, { title: 'n', align: 'right' }], rows, null).join('\n')).toBe(
      ['name      n', '──────  ───', 'Álvaro    1', '李       20', 'A\u0301       300'].join('\n'),
    )
  })

  it('is cut where it is widest to fit the terminal', () => {
    const rows = [['0b6f', 'a very long address indeed', 'short']]
    const lines = formatTable([{ title: 'id' }, { title: 'address' }, { title: 'city' }], rows, 28)
    expect(lines[2]).toBe('0b6f  a very long ad…  short')
  })

  it('fits any width that leaves each column six, and cuts nothing without one', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 30 }).map(printable)
    const table = fc.integer({ min: 1, max: 5 }).chain(columns =>
      fc.record({
        rows: fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { maxLength: 5 }),
        width: fc.integer({ min: columns * 8, max: 120 }),
      }),
    )
    fc.assert(
      fc.property(table, ({ rows, width }) => {
        const columns = (rows[0] ?? ['']).map((_, index) => ({ title: `c${index}` }))
        for (const line of formatTable(columns, rows, width)) expect(textWidth(line)).toBeLessThanOrEqual(width)
        const whole = formatTable(columns, rows, null).join('\n')
        for (const each of rows.flat()) expect(whole).toContain(each.trimEnd())
      }),
    )
  })
})
