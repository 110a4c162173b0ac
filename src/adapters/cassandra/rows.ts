import { tableId } from '../../plan/plan.ts'
import type { Page } from '../../ports/paging.ts'
import type { RowsRequest, StoredRow, TableDescription } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { columnOf } from './columns.ts'
import type { Connection } from './connection.ts'
import { failureOf } from './errors.ts'
import { keyCondition, quote, quoteTable } from './statements.ts'
import { ValueWriter } from './value-writer.ts'
import { plainValue } from './values.ts'

const keyBytes = 64

/**
 * A page of rows in the order of their tokens; Cassandra has no newest first. The page's token is Cassandra's own paging state,
 * so rows stored meanwhile neither repeat nor shift any. The last page may be empty.
 */
export async function readRows(
  connection: Connection,
  table: TableDescription,
  { key, after, limit }: RowsRequest & { readonly limit: number },
): Promise<Page<StoredRow>> {
  const columns = table.columns.map(({ name }) => name)
  const select = `SELECT ${columns.map(quote).join(', ')} FROM ${quoteTable(table)}`
  const { types } = connection.driver
  const toRow = (row: { readonly [column: string]: unknown }): StoredRow =>
    Object.fromEntries(columns.map(name => [name, plainValue(row[name], types)]))
  if (key !== undefined) {
    const found = await connection.execute(
      `${select} WHERE ${keyCondition(table.primaryKey)}`,
      checkKey(table, key),
      {},
      tableId(table),
    )
    return { items: found.rows.map(toRow), next: null }
  }
  if (after !== undefined && !/^(?:[0-9a-f]{2})+$/.test(after)) throw unknownPage(table, after)
  try {
    const options = { fetchSize: limit, ...(after === undefined ? {} : { pageState: after }) }
    const page = await connection.execute(select, [], options, tableId(table))
    return { items: page.rows.map(toRow), next: page.pageState || null }
  } catch (error) {
    if (after !== undefined && failureOf((error as Error).cause) === 'protocolError') throw unknownPage(table, after)
    throw error
  }
}

function checkKey(table: TableDescription, key: readonly unknown[]): unknown[] {
  if (key.length !== table.primaryKey.length) {
    throw new MillraceError('TYPE_MISMATCH', `A key of ${tableId(table)} is ${table.primaryKey.join(', ')}.`, {
      place: tableId(table),
      fix: `Give ${table.primaryKey.length} values.`,
    })
  }
  return table.primaryKey.map((name, i) => {
    const column = columnOf(table.columns.find(each => each.name === name)!)
    if (column.write(key[i], new ValueWriter(keyBytes))) return key[i]
    throw new MillraceError('TYPE_MISMATCH', `Column ${name} takes ${column.takes}.`, {
      place: `${tableId(table)}.${name}`,
    })
  })
}

function unknownPage(table: TableDescription, token: string): MillraceError {
  return new MillraceError('CURSOR_INVALID', `${token} does not continue a list of rows of ${tableId(table)}.`, {
    place: tableId(table),
    fix: 'Start again from the first page.',
  })
}
