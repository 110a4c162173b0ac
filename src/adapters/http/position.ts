import type { Cursor } from '../../ports/source.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { HttpPage } from '../../sdk/sources/http.ts'
import { valueAt } from './answer.ts'

/** Which page is next. Its JSON is the source's cursor, so the names are short. */
export type Position =
  | { readonly start: true }
  /** The page's number. */
  | { readonly p: number }
  /** Records before the page. */
  | { readonly o: number }
  /** The API's own cursor. */
  | { readonly c: string }
  | { readonly end: true }

/** The port's limit, in bytes of UTF-8. */
const maxCursorBytes = 2048

export function firstPosition(page: HttpPage): Position {
  if (page.kind === 'number') return { p: page.start }
  if (page.kind === 'offset') return { o: page.start }
  return { start: true }
}

/** The query parameter that asks for the page at a position. */
export function pageParameter(page: HttpPage, at: Position): readonly [name: string, value: string] | null {
  if (page.kind === 'number' && 'p' in at) return [page.parameter, String(at.p)]
  if (page.kind === 'offset' && 'o' in at) return [page.parameter, String(at.o)]
  if (page.kind === 'cursor' && 'c' in at) return [page.parameter, at.c]
  return null
}

/**
 * What follows a page, given its answer and how many records were in it.
 * @throws MillraceError `SOURCE_MALFORMED` if the answer's own cursor cannot be used.
 */
export function positionAfter(page: HttpPage, at: Position, answer: unknown, records: number): Position {
  if (page.kind === 'number' && 'p' in at && records > 0 && at.p !== page.last) return { p: at.p + 1 }
  if (page.kind === 'offset' && 'o' in at && records > 0) return { o: at.o + records }
  if (page.kind === 'cursor') {
    const token = valueAt(answer, page.path)
    if (token === undefined || token === null || token === '' || token === false) return { end: true }
    if (typeof token !== 'string' && typeof token !== 'number')
      throw badToken(page.path, 'is neither text nor a number')
    const next = { c: String(token) }
    if ('c' in at && at.c === next.c) throw badToken(page.path, 'is the one this page was asked for with')
    if (Buffer.byteLength(formatCursor(next)) > maxCursorBytes) throw badToken(page.path, 'is longer than 2 KiB')
    return next
  }
  return { end: true }
}

export function formatCursor(position: Position): Cursor {
  return JSON.stringify(position)
}

/** @throws MillraceError `CURSOR_INVALID` for text that `formatCursor` did not make for this paging. */
export function parseCursor(page: HttpPage, cursor: Cursor): Position {
  const value = readJson(cursor)
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 1) {
    const { p, o, c, end } = value as { readonly [key: string]: unknown }
    if (end === true) return { end }
    if (page.kind === 'cursor' && typeof c === 'string' && c !== '') return { c }
    if (page.kind === 'offset' && isWhole(o) && o >= page.start) return { o }
    if (page.kind === 'number' && isWhole(p) && p >= page.start && (page.last === null || p <= page.last)) return { p }
  }
  throw new MillraceError('CURSOR_INVALID', `${JSON.stringify(cursor.slice(0, 80))} is not a cursor of this source.`, {
    fix: 'If the declaration changed how the source is paged, clear the run so that it starts from the first page.',
  })
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function badToken(path: readonly string[], fault: string): MillraceError {
  return new MillraceError('SOURCE_MALFORMED', `The cursor at ${path.join('.')} of the answer ${fault}.`, {
    fix: 'Check page.path in the declaration.',
  })
}
