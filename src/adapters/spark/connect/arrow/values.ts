/** Spark's interval type: its parts are not converted into each other. */
export interface CalendarInterval {
  readonly months: number
  readonly days: number
  readonly nanoseconds: bigint
}

/** `12.50` from 1250 and scale 2. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const point = digits.length - scale
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
  return unscaled < 0n ? `-${text}` : text
}

const dayMs = 86_400_000

/** @param days since 1970 */
export function formatDate(days: number): string {
  const iso = new Date(days * dayMs).toISOString()
  return iso.slice(0, iso.indexOf('T'))
}

/** `2026-03-01T10:00:00.123456`: a `Date` has no microseconds. */
export function formatTimestamp(microseconds: bigint): string {
  const seconds = floorDivide(microseconds, 1_000_000n)
  const iso = new Date(Number(seconds) * 1_000).toISOString()
  return `${iso.slice(0, iso.indexOf('.'))}.${(microseconds - seconds * 1_000_000n).toString().padStart(6, '0')}`
}

/** `23:59:59.123456`. */
export function formatTime(nanoseconds: bigint): string {
  return formatTimestamp(nanoseconds / 1_000n).slice(11)
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b < 0n ? quotient - 1n : quotient
}
