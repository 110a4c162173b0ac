import { MillraceError } from '../../../sdk/errors.ts'

const latest = Date.UTC(9999, 11, 31)

/** Milliseconds of an ISO 8601 text between 1970 and 9999. @throws MillraceError `CONFIG_INVALID`. */
export function parseDate(text: string, name: string): number {
  const time = Date.parse(text)
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && time >= 0 && time <= latest) return time
  throw new MillraceError('CONFIG_INVALID', `${name} "${text}" is not a date between 1970 and 9999.`, {
    place: name,
    fix: 'Write it in ISO 8601, such as 2026-01-31T00:00:00Z.',
  })
}
