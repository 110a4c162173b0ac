import type { Page, PageRequest } from '../../../ports/paging.ts'
import { MillraceError } from '../../../sdk/errors.ts'

/** How many items a page has: 1 to 1000, 100 unless asked otherwise. */
export function pageSize(request: PageRequest): number {
  return Math.max(1, Math.min(Math.trunc(request.limit ?? 100), 1000))
}

/** A page out of `rows`, which hold one more than `size` if there is a page after it. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  size: number,
  key: (row: Row) => string,
  item: (row: Row) => T,
): Page<T> {
  const items = rows.slice(0, size)
  const last = items.at(-1)
  return { items: items.map(item), next: rows.length > size && last !== undefined ? key(last) : null }
}

/** @throws MillraceError `CURSOR_INVALID`. */
export function numberCursor(after: string | undefined): number | null {
  if (after === undefined) return null
  if (/^\d{1,15}$/.test(after)) return Number(after)
  throw new MillraceError('CURSOR_INVALID', `"${after}" is not the end of a page of runs.`)
}
