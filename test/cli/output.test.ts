import { PassThrough } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { describe, expect, it } from 'vitest'
import { Output, toJsonText } from '../../src/cli/output.ts'
import { fitsTable, formatRecords } from '../../src/cli/table.ts'

function output(isTTY: boolean, env: NodeJS.ProcessEnv): Output {
  return new Output(Object.assign(new PassThrough(), { isTTY, columns: 80 }) as unknown as WriteStream, env)
}

describe('output', () => {
  it.each([
    [true, {}, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ])('on a terminal (%s) with %j has colours: %s', (isTTY, env, colours) => {
    expect(output(isTTY, env).style('red', 'x') !== 'x').toBe(colours)
  })

  it('has a width only on a terminal', () => {
    expect(output(true, {}).columns).toBe(80)
    expect(output(false, {}).columns).toBeNull()
  })

  it('is JSON whatever a table holds', () => {
    const row = [new Uint8Array([1, 2]), Buffer.from('a'), 2n, 2n ** 60n, new Date(0), null]
    expect(JSON.parse(toJsonText({ row }))).toEqual({
      row: ['AQI=', 'YQ==', 2, '1152921504606846976', '1970-01-01T00:00:00.000Z', null],
    })
  })
})

describe('rows too wide for the terminal', () => {
  const columns = Array.from({ length: 12 }, (_, i) => ({ title: `column_${i}` }))
  const rows = [columns.map(() => 'x'.repeat(40))]

  it('are not squeezed into a table', () => {
    expect(fitsTable(columns, rows, 100)).toBe(false)
    expect(fitsTable(columns, rows, 200)).toBe(true)
    expect(fitsTable(columns, rows, null)).toBe(true)
  })

  it('are one line a column', () => {
    const lines = formatRecords(columns, rows, 30, title => title)
    expect(lines).toHaveLength(13)
    expect(lines[1]).toBe(`column_0   ${'x'.repeat(18)}…`)
  })
})
