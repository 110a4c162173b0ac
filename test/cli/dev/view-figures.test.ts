import { describe, expect, test } from 'vitest'
import {
  fitCount,
  formatElapsedOf,
  formatRate,
  formatRunning,
  formatUntil,
  progressBar,
  sparkline,
  wrapText,
} from '../../../src/cli/dev/figures.ts'

const minute = 60_000
const hour = 60 * minute

describe('figures of the view', () => {
  test.each([
    [0, 7, '0'],
    [12_345, 7, '12,345'],
    [999_999, 7, '999,999'],
    [1_000_000, 7, '1.0M'],
    [12_345_678, 7, '12.3M'],
    [123_456_789, 7, '123M'],
    [4_000_000_000, 7, '4.0G'],
  ])('the count %d in %d columns is %s', (count, width, text) => {
    expect(fitCount(count, width)).toBe(text)
  })

  test.each([
    [0, '0/s'],
    [0.4, '0.4/s'],
    [9.94, '9.9/s'],
    [9.96, '10/s'],
    [1180.4, '1,180/s'],
    [2_400_000, '2.4M/s'],
  ])('the rate %d is %s', (rate, text) => {
    expect(formatRate(rate)).toBe(text)
  })

  test.each([
    [-1, '0:00'],
    [59_999, '0:59'],
    [61_000, '1:01'],
    [hour + 5 * minute + 9000, '1:05:09'],
    [75 * hour + 5 * minute + 9000, '3 d 03:05:09'],
  ])('%d ms of running are %s', (ms, text) => {
    expect(formatRunning(ms)).toBe(text)
  })

  test.each([
    [42_900, 60_000, '42 s of 60 s'],
    [245_000, 600_000, '4:05 of 10:00'],
    [42_900, null, '42 s'],
  ])('%d ms of %s ms are %s', (elapsed, duration, text) => {
    expect(formatElapsedOf(elapsed, duration)).toBe(text)
  })

  test.each([
    [-5, 'now'],
    [40_000, 'in 40 s'],
    [12 * minute, 'in 12 min'],
    [3 * hour + 12 * minute, 'in 3 h 12 min'],
    [99 * hour, 'in 4 d 3 h'],
  ])('%d ms away is %s', (ms, text) => {
    expect(formatUntil(ms)).toBe(text)
  })

  test('a sparkline has the newest value at the right and room for a minute', () => {
    expect(sparkline([1, 2, 4], 60)).toBe(`${' '.repeat(57)}▃▅█`)
  })

  test('only nothing has the lowest level', () => {
    expect(sparkline([0, 1, 1000], 3, 3)).toBe('▁▂█')
    expect(sparkline([0, 0, 0], 3, 3)).toBe('▁▁▁')
  })

  test('a narrow sparkline shows the mean of each share of the minute', () => {
    const values = [...Array<number>(30).fill(10), ...Array<number>(30).fill(20)]
    expect(sparkline(values, 2)).toBe('▅█')
  })

  test.each([
    [-1, '', '────'],
    [0, '', '────'],
    [0.5, '━━', '──'],
    [0.6, '━━╸', '─'],
    [2, '━━━━', ''],
  ])('the bar at %d is "%s" and "%s"', (share, done, left) => {
    expect(progressBar(share, 4)).toEqual({ done, left })
  })

  test('text is broken at spaces, and what is too much stays on the last line', () => {
    expect(wrapText('one two\nthree four five', 9, 2)).toEqual(['one two', 'three four five'])
    expect(wrapText('one two', 9, 2)).toEqual(['one two'])
  })
})
