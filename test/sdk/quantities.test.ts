import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, formatSize, parseDuration, parseRate, parseSize } from '../../src/sdk/quantities.ts'

const invalid = expect.objectContaining({ code: 'DURATION_INVALID' })

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['60s', 60_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['1.5h', 5_400_000],
  ])('%s is %i milliseconds', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', '60', '60 s', '-5s', '0s', '1w', '1e3s', '0.1ms', '999999d', 's'])('refuses %j', text => {
    expect(() => parseDuration(text)).toThrow(invalid)
  })

  it('are written so that they read back the same', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1e10 }), ms => parseDuration(formatDuration(ms)) === ms))
  })
})

describe('sizes', () => {
  it.each([
    [4096, 4096],
    ['512 KiB', 524_288],
    ['1 MiB', 1_048_576],
    ['0.5 GiB', 536_870_912],
    ['7 B', 7],
  ])('%s is %i bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  it.each([0, -1, 1.5e-9, NaN, '', '1 MB', '1 mib', '0 B'])('refuses %j', size => {
    expect(() => parseSize(size)).toThrow(invalid)
  })

  it('are written so that they read back the same', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 32 }), size => parseSize(formatSize(size)) === size))
  })
})

describe('rates', () => {
  it.each([
    ['500/s', 500],
    ['30/m', 0.5],
    ['7200/h', 2],
  ])('%s is %d a second', (text, rate) => expect(parseRate(text)).toBe(rate))

  it.each(['', '500', '0/s', '5/d', '-1/s'])('refuses %j', text => expect(() => parseRate(text)).toThrow(invalid))
})
