import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutText, formatElapsed, padText, printable, textWidth } from '../../src/cli/text.ts'

describe('width on a terminal', () => {
  it.each([
    ['plain', 5],
    ['Álvaro', 6],
    ['A\u0301lvaro', 6],
    ['李', 2],
    ['李 나 ひ', 8],
    ['ｱ', 1],
    ['Ａ', 2],
    ['👍', 2],
    ['👩‍👩‍👧‍👦', 2],
    ['🇪🇸', 2],
    ['❤️', 2],
    ['❤', 1],
    ['\u200b', 0],
    ['سارا', 4],
    ['नमस्ते', 4],
    ['𠮷', 2],
    ['กำ', 2],
    ['\u1100\u1161\u11a8', 2],
  ])('of %j is %i', (text, width) => {
    expect(textWidth(text)).toBe(width)
  })

  it('of a padded text is the width asked for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }).map(printable), fc.nat(60), (text, width) => {
        expect(textWidth(padText(text, width))).toBe(Math.max(width, textWidth(text)))
      }),
    )
  })

  it('of a cut text is at most the width asked for, and a text that fits is not cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }).map(printable), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const cut = cutText(text, width)
        expect(textWidth(cut)).toBeLessThanOrEqual(width)
        if (textWidth(text) <= width) expect(cut).toBe(text)
        else expect(text.startsWith(cut.slice(0, -1))).toBe(true)
      }),
    )
  })
})

describe('printing data', () => {
  it('cannot control the terminal', () => {
    expect(printable('a\u001b[2Jb\nc\u009bd\u202ee')).toBe('a\\u001b[2Jb\\nc\\u009bd\\u202ee')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(printable(text)).not.toMatch(/\p{Cc}/u)
      }),
    )
  })

  it('leaves names as they are', () => {
    expect(printable('Álvaro 李 سارا 👩‍👩‍👧')).toBe('Álvaro 李 سارا 👩‍👩‍👧')
  })

  it.each([
    [0.4, '0 ms'],
    [999, '999 ms'],
    [1_400, '1.4 s'],
    [59_949, '59.9 s'],
    [59_960, '1 m 00 s'],
    [125_000, '2 m 05 s'],
    [12_000_000, '3 h 20 m'],
  ])('says %d ms as %s', (ms, text) => {
    expect(formatElapsed(ms)).toBe(text)
  })
})
