import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareDecimals, parseDecimal } from '../../src/sdk/decimal.ts'

/** The decimal `unscaled` × 10^−scale, written out. */
function written(unscaled: bigint, scale: number): string {
  return parseDecimal(`${unscaled}e-${scale}`, 38, scale)!
}

describe('decimals', () => {
  it.each([
    ['9.70', '9.6000', 1],
    ['9.5', '9.50', 0],
    ['-0.01', '0', -1],
    ['10.00', '9.99', 1],
  ])('%s and %s compare by size', (a, b, sign) => expect(compareDecimals(a, b)).toBe(sign))

  it('of any scales compare as the numbers they are', () => {
    const small = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n })
    const scale = fc.integer({ min: 0, max: 12 })
    fc.assert(
      fc.property(small, scale, small, scale, (a, aScale, b, bScale) => {
        const difference = a * 10n ** BigInt(bScale) - b * 10n ** BigInt(aScale)
        const sign = difference < 0n ? -1 : difference > 0n ? 1 : 0
        expect(compareDecimals(written(a, aScale), written(b, bScale))).toBe(sign)
      }),
    )
  })

  it('are never rounded: one that does not fit is refused, one that does keeps its value', () => {
    const digits = fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })
    fc.assert(
      fc.property(
        digits,
        fc.integer({ min: -10, max: 25 }),
        fc.integer({ min: 0, max: 10 }),
        (unscaled, places, scale) => {
          const parsed = parseDecimal(`${unscaled}e${-places}`, 15, scale)
          const shift = 10n ** BigInt(40 + scale - places)
          const exact = unscaled * shift
          const whole = exact % 10n ** 40n === 0n
          const value = exact / 10n ** 40n
          const fits = whole && value > -(10n ** 15n) && value < 10n ** 15n
          expect(parsed === undefined).toBe(!fits)
          if (parsed !== undefined) expect(BigInt(parsed.replace('.', ''))).toBe(value)
        },
      ),
    )
  })
})
