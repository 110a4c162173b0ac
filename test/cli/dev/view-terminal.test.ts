import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LiveTerminal } from '../../../src/cli/dev/live-terminal.ts'
import { Screen } from './screen.ts'

const rows = 8
const frame = fc.array(fc.constantFrom('', 'one', 'two words', 'three long words'), {
  minLength: 1,
  maxLength: rows - 1,
})

describe('the live terminal', () => {
  test('shows exactly the last frame, below what was there before, whatever the frames were', () => {
    fc.assert(
      fc.property(fc.nat(12), fc.array(frame, { minLength: 1, maxLength: 6 }), (linesBefore, frames) => {
        const screen = new Screen(rows)
        for (let line = 0; line < linesBefore; line++) screen.write(`before ${line}\r\n`)
        const terminal = new LiveTerminal(screen.write)
        for (const lines of frames) terminal.draw(lines)
        terminal.release()
        screen.write('$')
        const before = Array.from({ length: linesBefore }, (_, line) => `before ${line}`)
        expect([...screen.history, ...screen.text]).toEqual([...before, ...frames.at(-1)!, '$'])
      }),
    )
  })

  test('goes on below what others print after it was erased', () => {
    const screen = new Screen(rows)
    const terminal = new LiveTerminal(screen.write)
    terminal.draw(['one', 'two', 'three'])
    terminal.erase()
    screen.write('printed\r\n')
    terminal.draw(['four', 'five'])
    expect(screen.text).toEqual(['printed', 'four', 'five'])
  })

  test('repaints only the lines that changed, as one synchronized update', () => {
    const written: string[] = []
    const terminal = new LiveTerminal(text => written.push(text))
    terminal.draw(['one', 'two', 'three'])
    terminal.draw(['one', 'TWO', 'three'])
    expect(written[1]).toBe('\x1b[?2026h\x1b[?25l\x1b[?7l\x1b[1B\rTWO\x1b[K\r\x1b[1A\r\x1b[?7h\x1b[?2026l')
    terminal.draw(['one', 'TWO', 'three'])
    expect(written).toHaveLength(2)
  })

  test('hides the cursor while it draws, and shows it again even if nothing is left to see', () => {
    const screen = new Screen(rows)
    const terminal = new LiveTerminal(screen.write)
    terminal.draw(['one'])
    expect(screen.cursorVisible).toBe(false)
    terminal.erase()
    terminal.release()
    expect(screen.cursorVisible).toBe(true)
  })
})
