import { tableId } from '../../plan/plan.ts'
import type { TableDescription } from '../../ports/table.ts'
import type { Connection } from './connection.ts'
import { quote, quoteTable } from './statements.ts'

/** Rows that are counted one by one; a larger table is estimated from so many. */
const countedRows = 20_000
const rowsPerPage = 5_000

/**
 * Rows are spread evenly over the tokens, so the first thousands and how far their tokens reach say how many there are in all, to
 * about a percent. A full count would read every row of the cluster.
 */
export async function countRows(
  connection: Connection,
  table: TableDescription,
  partitionColumns: number,
): Promise<{ readonly rows: number; readonly exact: boolean }> {
  const key = table.primaryKey.slice(0, partitionColumns).map(quote).join(', ')
  const statement = `SELECT token(${key}) AS position FROM ${quoteTable(table)}`
  let rows = 0
  for (let pageState: string | undefined; ; ) {
    const options = { fetchSize: rowsPerPage, ...(pageState === undefined ? {} : { pageState }) }
    const page = await connection.execute(statement, [], options, tableId(table))
    rows += page.rows.length
    pageState = page.pageState
    if (!pageState) return { rows, exact: true }
    const last = page.rows.at(-1)
    if (rows >= countedRows && last !== undefined) {
      return { rows: estimate(rows, BigInt(String(last.position))), exact: false }
    }
  }
}

/** How many rows there are if `rows` lie between the lowest token and this one. */
export function estimate(rows: number, token: bigint): number {
  const tokens = 2n ** 64n
  const covered = token + 2n ** 63n + 1n
  return Math.max(rows, Math.round(Number((BigInt(rows) * tokens) / covered)))
}
