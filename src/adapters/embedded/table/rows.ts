import type { SQLInputValue } from 'node:sqlite'
import { tableId } from '../../../plan/plan.ts'
import type { Page } from '../../../ports/paging.ts'
import type { RowsRequest, StoredRow, TableDescription } from '../../../ports/table.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { guard } from '../database.ts'
import { columnOf, type StoredValue } from './columns.ts'
import type { Keyspace } from './keyspace.ts'
import { keyCondition, quoteList, rowIdColumn, rowsTable } from './statements.ts'

/**
 * A page of rows in the order they were first stored, or the reverse; within one write by key. The token is the
 * internal id of the page's last row, so rows stored meanwhile neither repeat nor shift any.
 */
export function readRows(
  { database, path }: Keyspace,
  table: TableDescription,
  request: RowsRequest & { readonly limit: number },
): Page<StoredRow> {
  const newest = request.order === 'newest'
  const conditions: string[] = []
  const values: SQLInputValue[] = []
  if (request.key !== undefined) {
    conditions.push(keyCondition(table.primaryKey))
    values.push(...encodeKey(table, request.key))
  }
  if (request.after !== undefined) {
    conditions.push(`${rowIdColumn} ${newest ? '<' : '>'} ?`)
    values.push(decodeToken(table, request.after))
  }
  const columns = table.columns.map(columnOf)
  const sql = `
    SELECT ${rowIdColumn}, ${quoteList(columns.map(column => column.name))} FROM ${rowsTable(table.name)}
    ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
    ORDER BY ${rowIdColumn} ${newest ? 'DESC' : 'ASC'} LIMIT ?
  `
  const found = guard(path, () => {
    const statement = database.prepare(sql)
    statement.setReturnArrays(true)
    return statement.all(...values, request.limit + 1) as unknown as StoredValue[][]
  })
  const shown = found.slice(0, request.limit)
  const items = shown.map(([, ...stored]) =>
    Object.fromEntries(
      columns.map((column, i) => [column.name, stored[i] === null ? null : column.decode(stored[i]!)]),
    ),
  )
  return { items, next: found.length > shown.length ? String(shown.at(-1)![0]) : null }
}

function encodeKey(table: TableDescription, key: readonly unknown[]): StoredValue[] {
  if (key.length !== table.primaryKey.length) {
    throw new MillraceError('TYPE_MISMATCH', `A key of ${tableId(table)} is ${table.primaryKey.join(', ')}.`, {
      place: tableId(table),
      fix: `Give ${table.primaryKey.length} values.`,
    })
  }
  return table.primaryKey.map((name, i) => {
    const column = columnOf(table.columns.find(each => each.name === name)!)
    const stored = column.encode(key[i])
    if (stored !== undefined) return stored
    throw new MillraceError('TYPE_MISMATCH', `Column ${name} takes ${column.takes}.`, {
      place: `${tableId(table)}.${name}`,
    })
  })
}

function decodeToken(table: TableDescription, token: string): number {
  const id = Number(token)
  if (/^\d+$/.test(token) && Number.isSafeInteger(id)) return id
  throw new MillraceError('CURSOR_INVALID', `${token} does not continue a list of rows of ${tableId(table)}.`, {
    place: tableId(table),
    fix: 'Start again from the first page.',
  })
}
