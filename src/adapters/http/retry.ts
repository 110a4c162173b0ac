import type { Random } from '../../ports/clock.ts'
import type { MillraceError } from '../../sdk/errors.ts'

const baseDelayMs = 500
const maxDelayMs = 30_000
/** A source that asks for a longer pause than this is left alone: the caller tries again later. */
const maxRetryAfterMs = 5 * 60_000
/** An answer in the wrong format seldom gets better. */
const triesForMalformed = 3

/**
 * How long to wait before asking again for a page that failed `failures` times, in milliseconds; null to give up.
 * Exponential with full jitter, unless the source said when (`Retry-After`).
 */
export function retryDelayMs(error: MillraceError, failures: number, tries: number, random: Random): number | null {
  if (error.retry === 'never') return null
  if (failures >= (error.code === 'SOURCE_MALFORMED' ? Math.min(tries, triesForMalformed) : tries)) return null
  if (error.retryAfterMs !== null) return error.retryAfterMs <= maxRetryAfterMs ? error.retryAfterMs : null
  return random.next() * Math.min(maxDelayMs, baseDelayMs * 2 ** (failures - 1))
}

/** The milliseconds that a `Retry-After` header asks for, given as seconds or as an HTTP date; null if it is neither. */
export function parseRetryAfter(header: string | null, now: number): number | null {
  if (header === null) return null
  const text = header.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  if (!/^[A-Za-z]{3},? /.test(text)) return null
  const date = Date.parse(text)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}
