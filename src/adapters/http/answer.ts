import { isUtf8 } from 'node:buffer'
import { MillraceError } from '../../sdk/errors.ts'

const byteOrderMark = 0xfeff

/**
 * The JSON of an answer's body.
 * @throws MillraceError `SOURCE_MALFORMED` saying what was there instead.
 */
export function parseAnswer(body: Buffer, place: string): unknown {
  if (!isUtf8(body)) throw malformed(`The answer is not UTF-8 text: ${quote(body.toString('latin1'))}.`, place)
  const text = body.toString('utf8')
  const json = text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text
  try {
    return JSON.parse(json)
  } catch (cause) {
    if (json.trim() === '') throw malformed('The answer is empty.', place)
    if (/^\s*</.test(json)) throw malformed(`The answer is HTML or XML, not JSON: ${quote(json)}.`, place)
    const fault =
      cause instanceof SyntaxError && /end of JSON|Unterminated/.test(cause.message) ? 'breaks off' : 'is not JSON'
    throw malformed(`The answer ${fault} (${body.length} bytes): ${quote(json)}.`, place)
  }
}

/**
 * The array of records in an answer.
 * @throws MillraceError `SOURCE_FAILED` if the answer is an error that calls itself one; `SOURCE_MALFORMED`.
 */
export function recordsOf(answer: unknown, path: readonly string[], place: string): readonly unknown[] {
  const records = valueAt(answer, path)
  if (Array.isArray(records)) return records
  const error = valueAt(answer, ['error'])
  if (error !== undefined && error !== null) {
    throw new MillraceError('SOURCE_FAILED', `The source answered with an error: ${quote(describe(error))}.`, { place })
  }
  const where = path.length === 0 ? 'at its top' : `at ${path.join('.')}`
  throw malformed(`The answer has no array ${where}: ${quote(describe(answer))}.`, place)
}

/** Undefined where the path leads nowhere. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as { readonly [key: string]: unknown })[step]
  }
  return at
}

/** The start of what was found, on one line. */
export function quote(text: string): string {
  const line = text.slice(0, 400).replace(/\s+/g, ' ').trim()
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line)
}

function describe(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
}

function malformed(message: string, place: string): MillraceError {
  return new MillraceError('SOURCE_MALFORMED', message, {
    place,
    fix: 'Open the URL and compare the answer with the declaration: `records` is the path to the array of records.',
  })
}
