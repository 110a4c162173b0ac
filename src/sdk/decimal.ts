const written = /^([+-]?)(\d{1,400})(?:\.(\d{1,400}))?(?:e([+-]?\d{1,3}))?$/i

/**
 * A decimal as its canonical text, exactly `scale` digits after the point: `12.5` becomes `12.50`.
 * Undefined for what is not a decimal or has more digits than the type holds; nothing is ever rounded.
 */
export function parseDecimal(value: unknown, precision: number, scale: number): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? parseText(String(value), precision, scale) : undefined
  return typeof value === 'string' ? parseText(value, precision, scale) : undefined
}

function parseText(text: string, precision: number, scale: number): string | undefined {
  const match = written.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = whole + fraction
  // Where the point stands in `digits`, once the exponent is applied.
  const point = whole.length + Number(exponent)
  if (Math.abs(point) > 800) return /^0+$/.test(digits) ? parseText('0', precision, scale) : undefined
  const before = digits.slice(0, Math.max(point, 0)).padEnd(point, '0').replace(/^0+/, '')
  const after = (point < 0 ? '0'.repeat(-point) + digits : digits.slice(point)).replace(/0+$/, '')
  if (before.length > precision - scale || after.length > scale) return undefined
  const zero = before === '' && after === ''
  const unsigned = (before || '0') + (scale === 0 ? '' : `.${after.padEnd(scale, '0')}`)
  return sign === '-' && !zero ? `-${unsigned}` : unsigned
}

/** The sign of a − b for two decimals as their canonical texts; their scales may differ. */
export function compareDecimals(a: string, b: string): number {
  const scale = Math.max(scaleOf(a), scaleOf(b))
  const difference = unscaled(a, scale) - unscaled(b, scale)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

function scaleOf(text: string): number {
  const point = text.indexOf('.')
  return point === -1 ? 0 : text.length - point - 1
}

function unscaled(text: string, scale: number): bigint {
  return BigInt(text.replace('.', '') + '0'.repeat(scale - scaleOf(text)))
}
