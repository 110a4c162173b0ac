import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { openPane, type Pane, tmuxIsMissing } from './tmux.ts'

const demo = fileURLToPath(new URL('./view-demo.ts', import.meta.url))
const keys = 't trigger a run   q quit   ? more'

async function openDemo(mode: string, columns = 80, rows = 24): Promise<Pane> {
  const pane = openPane(columns, rows)
  await pane.until('$')
  pane.press(`'${process.execPath}' '${demo}' ${mode}`, 'Enter')
  await pane.until(keys)
  return pane
}

/** The shell has the terminal back: it echoes what is typed, and the cursor is seen. */
async function expectRestored(pane: Pane): Promise<void> {
  pane.press('stty -a | grep -o -E -- "[ -](icanon|echo) " | xargs echo is', 'Enter')
  await pane.until('is icanon echo')
  expect(pane.cursorVisible()).toBe(true)
}

describe.skipIf(tmuxIsMissing)(
  `on a real terminal${tmuxIsMissing ? ' (not tested: tmux is not installed)' : ''}`,
  () => {
    test('the view is drawn below the command line with the cursor hidden, and q leaves it there as a summary', async () => {
      const pane = await openDemo('live')
      const picture = pane.screen()
      const top = picture.findIndex(line => line.startsWith(' millrace  users on local'))
      // The command line is as long as the path of this directory, and may be cut anywhere.
      expect(picture.slice(0, top).join('')).toMatch(/live$/)
      expect(picture[top + 2]).toBe('')
      expect(picture[top + 5]).toMatch(/^ │ {3}user_automation {2}● running +[\d,]+\/s/)
      expect(pane.cursorVisible()).toBe(false)

      pane.press('q')
      await pane.until(/stopped after 0:\d\d; the next start goes on from here \(\.millrace\)\n\$/)
      const left = pane.everything()
      expect(left.filter(line => line.startsWith(' millrace  users on local'))).toHaveLength(1)
      expect(left.join('\n')).not.toContain(keys)
      await expectRestored(pane)
    })

    test('Ctrl-C quits as q does', async () => {
      const pane = await openDemo('live')
      pane.press('C-c')
      await pane.until(/stopped after .*\n\$/)
      await expectRestored(pane)
    })

    test('a crash gives the terminal back and its error is printed below the picture', async () => {
      const pane = await openDemo('crash')
      pane.press('t')
      await pane.until('crashed on purpose')
      const lines = pane.everything()
      expect(lines.findIndex(line => line.includes('Error: crashed on purpose'))).toBeGreaterThan(
        lines.findLastIndex(line => line.includes(keys)),
      )
      await expectRestored(pane)
    })

    test.each(['exit', 'terminate'])('so does the end by %s', async mode => {
      const pane = await openDemo(mode)
      pane.press('t')
      await pane.until(/more.*\n(Terminated.*\n)?\$/)
      await expectRestored(pane)
    })

    test('Ctrl-Z gives the terminal back, and fg goes on with a new picture below', async () => {
      const pane = await openDemo('live')
      pane.press('C-z')
      await pane.until('Stopped')
      await expectRestored(pane)
      pane.press('fg', 'Enter')
      await pane.until(new RegExp(`fg\\n[\\s\\S]*${keys.replace('?', '\\?')}`))
      expect(pane.cursorVisible()).toBe(false)
      pane.press('q')
      await pane.until(/stopped after .*\n\$/)
      expect(pane.everything().filter(line => line.startsWith(' millrace  users on local'))).toHaveLength(2)
      await expectRestored(pane)
    })

    test('it is drawn anew for every size', async () => {
      const pane = await openDemo('print', 100, 30)
      for (const [columns, rows] of [
        [60, 15],
        [120, 40],
        [40, 10],
        [80, 24],
      ] as const) {
        pane.resize(columns, rows)
        await pane.until(new RegExp(`^ millrace  users on local {${columns - 28 - 14 + 2},}running 0:\\d\\d$`, 'm'))
        await pane.until(keys)
        const screen = pane.screen()
        expect(screen.filter(line => line.includes('millrace  users'))).toHaveLength(1)
        expect(screen.filter(line => line.includes('● running'))).toHaveLength(3)
      }
      pane.press('t')
      await pane.until('printed 1')
      // A picture that is taken away, for a new size or for what was printed, is not kept in the scroll-back.
      expect(pane.everything().filter(line => line.includes(keys)).length).toBeLessThanOrEqual(1)
    })

    test('what is printed meanwhile appears above the picture, which stays whole', async () => {
      const pane = await openDemo('print')
      pane.press('t')
      await pane.until('printed 1')
      pane.press('t')
      await pane.until('printed 2')
      await pane.until(keys)
      const lines = pane.everything()
      const top = lines.findIndex(line => line.startsWith(' millrace  users on local'))
      expect(lines.slice(top - 2, top)).toEqual(['printed 1', 'printed 2'])
      expect(lines.filter(line => line.startsWith(' millrace  users on local'))).toHaveLength(1)
    })

    test('a terminal that cannot move its cursor gets lines, and no keys are read', async () => {
      const pane = openPane(120, 24)
      await pane.until('$')
      pane.press(`TERM=dumb '${process.execPath}' '${demo}' interrupt`, 'Enter')
      await pane.until(/Z First row in the table after 843 ms\./)
      expect(pane.cursorVisible()).toBe(true)
      pane.press('C-c')
      await pane.until(/Z Stopped after 0:\d\d, .* rows in spark_streams\.created_users\./)
    })
  },
)

test('where standard output is no terminal there are lines without any control character', () => {
  const output = execFileSync(process.execPath, [demo, 'brief'], { encoding: 'utf8', input: '' })
  const lines = output.trimEnd().split('\n')
  expect(lines[0]).toMatch(/^\d{4}-.*Z Pipeline users started on target local/)
  expect(lines.at(-1)).toMatch(/Z Stopped after 0:0\d/)
  expect(output).not.toContain('\x1b')
})

test('with --json each line is a document', () => {
  const output = execFileSync(process.execPath, [demo, 'brief', '--json'], { encoding: 'utf8', input: '' })
  const kinds = output
    .trimEnd()
    .split('\n')
    .map(line => (JSON.parse(line) as { kind: string }).kind)
  expect(kinds[0]).toBe('started')
  expect(kinds.at(-1)).toBe('stopped')
})
