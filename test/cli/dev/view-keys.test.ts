import { PassThrough } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type KeyHandlers, readKeys } from '../../../src/cli/dev/keys.ts'

function openKeys() {
  const asked: string[] = []
  const modes: boolean[] = []
  const stdin = Object.assign(new PassThrough(), { setRawMode: (raw: boolean) => modes.push(raw) })
  const on = Object.fromEntries(
    ['trigger', 'quit', 'help', 'suspend', 'redraw'].map(name => [name, () => asked.push(name)]),
  ) as unknown as KeyHandlers
  const stop = readKeys(stdin as unknown as NodeJS.ReadStream, on)
  onTestFinished(() => void stdin.destroy())
  const type = (text: string) => stdin.emit('data', Buffer.from(text))
  return { asked, modes, stdin, stop, type }
}

describe('keys of the view', () => {
  test.each([
    ['t', 'trigger'],
    ['T', 'trigger'],
    ['q', 'quit'],
    ['\x03', 'quit'],
    ['?', 'help'],
    ['\x1a', 'suspend'],
    ['\x0c', 'redraw'],
  ])('%j asks for %s', (key, name) => {
    const { asked, type } = openKeys()
    type(key)
    expect(asked).toEqual([name])
  })

  test('several keys in one chunk are all heard', () => {
    const { asked, type } = openKeys()
    type('t?q')
    expect(asked).toEqual(['trigger', 'help', 'quit'])
  })

  test('arrows, function keys, paste marks and letters of other scripts ask for nothing', () => {
    const { asked, type } = openKeys()
    for (const keys of ['\x1b[A', '\x1bOP', '\x1b[200~', '\x1b[15;2~', '\x1bt', 'ф', '\x1b', 'constructor'.slice(0, 3)])
      type(keys)
    expect(asked).toEqual([])
  })

  test('a terminal that has gone asks to quit', () => {
    const { asked, stdin } = openKeys()
    stdin.emit('error', new Error('EIO'))
    expect(asked).toEqual(['quit'])
  })

  test('stopping leaves raw mode and listens to nothing', () => {
    const { asked, modes, stdin, stop, type } = openKeys()
    stop()
    type('q')
    expect(asked).toEqual([])
    expect(modes).toEqual([true, false])
    expect(stdin.isPaused()).toBe(true)
    for (const event of ['error', 'end', 'data']) expect(stdin.listenerCount(event), event).toBe(0)
  })
})
