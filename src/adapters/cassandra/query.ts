import type { types } from 'cassandra-driver'
import type { QueryOptions, QueryResult } from '../../ports/table.ts'
import type { Connection } from './connection.ts'
import { readOnly } from './read-only.ts'
import { plainValue } from './values.ts'

const rowsPerPage = 1_000

/** Of text in one result. */
const maxCharacters = 32 * 1024 * 1024

/** Runs one `SELECT`. @throws MillraceError `QUERY_INVALID` with Cassandra's message. */
export async function runQuery(
  connection: Connection,
  statement: string,
  { limit, signal }: QueryOptions,
): Promise<QueryResult> {
  signal?.throwIfAborted()
  const select = readOnly(statement)
  const { driver, settings } = connection
  const options = { prepare: false, readTimeout: settings.queryTimeoutMs }
  const rows: unknown[][] = []
  let characters = 0
  for (let pageState: string | undefined; ; ) {
    const page = await unlessAborted(
      connection.execute(select, [], {
        ...options,
        fetchSize: Math.min(rowsPerPage, limit + 1 - rows.length),
        ...(pageState === undefined ? {} : { pageState }),
      }),
      signal,
    )
    const columns = page.columns.map(({ name }) => name)
    for (const row of page.rows) {
      if (rows.length === limit || characters > maxCharacters) return { columns, rows, truncated: true }
      const values = plainRow(row, columns, driver.types)
      for (const value of values) characters += typeof value === 'string' ? value.length : 8
      rows.push(values)
    }
    pageState = page.pageState
    if (!pageState) return { columns, rows, truncated: false }
  }
}

function plainRow(row: types.Row, columns: readonly string[], driverTypes: Connection['driver']['types']): unknown[] {
  return columns.map(name => plainValue(row[name], driverTypes))
}

/** The driver cannot take a request back: its answer is ignored. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
