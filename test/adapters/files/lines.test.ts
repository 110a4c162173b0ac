import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Line, lineSplitter } from '../../../src/adapters/files/lines.ts'

describe('lines', () => {
  it('are the same however the file is cut into chunks', () => {
    const content = fc.array(fc.stringMatching(/^[a-z]{0,12}$/), { maxLength: 12 }).map(lines => lines.join('\n'))
    fc.assert(
      fc.property(content, fc.array(fc.integer({ min: 1, max: 20 })), (content, cuts) => {
        const lines = split(content, cuts)
        const expected = content.split('\n')
        if (expected.at(-1) === '') expected.pop()
        expect(lines.map(line => line.length)).toEqual(expected.map(line => line.length))
        expect(lines.map(line => Buffer.from(line.bytes).toString())).toEqual(
          expected.map(line => (line.length > 8 ? line.slice(0, 3) : line)),
        )
        let end = 0
        for (const [i, line] of lines.entries()) {
          end = Math.min(end + expected[i]!.length + 1, content.length)
          expect(line.end).toBe(end)
        }
      }),
    )
  })
})

function split(content: string, cuts: readonly number[]): Line[] {
  const splitter = lineSplitter({ maxLineBytes: 8, keptBytes: 3 })
  const bytes = Buffer.from(content)
  const lines: Line[] = []
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    lines.push(...splitter.push(bytes.subarray(from, from + cut)))
    from += cut
  }
  const rest = splitter.rest()
  return rest ? [...lines, rest] : lines
}
