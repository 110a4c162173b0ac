const iso = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/**
 * A point in time of the years 0000 to 9999 from a `Date` or from ISO 8601 text with seconds and an offset, such as
 * `2026-03-01T10:00:00Z`. Digits after the milliseconds are cut off. Undefined for anything else.
 */
export function parseTimestamp(value: unknown): Date | undefined {
  if (value instanceof Date) return inRange(value.getTime()) ? new Date(value) : undefined
  if (typeof value !== 'string') return undefined
  const match = iso.exec(value)
  // Date.parse takes 30 February for 1 March.
  if (match === null || Number(match[3]) > daysIn(Number(match[1]), Number(match[2]))) return undefined
  const time = Date.parse(value)
  return inRange(time) ? new Date(time) : undefined
}

function inRange(time: number): boolean {
  return time >= -62_167_219_200_000 && time <= 253_402_300_799_999
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}
