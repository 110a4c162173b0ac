import { constants, DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { nearest, suggest } from '../../../plan/near.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { QueryOptions, QueryResult } from '../../../ports/table.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { guard } from '../database.ts'
import { keyspacePath, listKeyspaces } from './keyspace.ts'
import { quote } from './statements.ts'

/** SQLite's own limit as it is compiled for Node. */
const maxAttached = 10

/** Of text and blobs in one result, and of any one value within a statement. */
const maxBytes = 32 * 1024 * 1024

/** How long rows are read before other work of this thread gets a turn. */
const turnMs = 20

export interface RunQueryOptions extends QueryOptions {
  readonly directory: string
  readonly timeoutMs: number
  readonly clock: Clock
  /** Every table's `keyspace.table`, for the message when one is not found. */
  readonly tables: () => readonly string[]
}

/** Runs one reading statement over the keyspaces of a directory, on a connection of its own that can only read. */
export async function runQuery(statement: string, options: RunQueryOptions): Promise<QueryResult> {
  options.signal?.throwIfAborted()
  const database = new DatabaseSync(':memory:', { readOnly: true, timeout: 5_000, limits: { length: maxBytes } })
  try {
    attach(database, statement, options.directory)
    database.setAuthorizer(allowReading)
    return await readResult(prepare(database, statement, options), options)
  } finally {
    database.close()
  }
}

function attach(database: DatabaseSync, statement: string, directory: string): void {
  const all = listKeyspaces(directory)
  const text = statement.toLowerCase()
  const needed = all.length <= maxAttached ? all : all.filter(name => text.includes(name.toLowerCase()))
  if (needed.length > maxAttached) {
    throw new MillraceError(
      'QUERY_INVALID',
      `The statement names ${needed.length} keyspaces; ${maxAttached} are possible.`,
    )
  }
  for (const name of needed) {
    const path = keyspacePath(directory, name)
    guard(path, () => database.prepare(`ATTACH ? AS ${quote(name)}`).run(`${pathToFileURL(path).href}?mode=ro`))
  }
}

function allowReading(action: number): number {
  switch (action) {
    case constants.SQLITE_SELECT:
    case constants.SQLITE_READ:
    case constants.SQLITE_FUNCTION:
    case constants.SQLITE_RECURSIVE:
      return constants.SQLITE_OK
    default:
      return constants.SQLITE_DENY
  }
}

function prepare(database: DatabaseSync, statement: string, options: RunQueryOptions): StatementSync {
  if (isBlank(statement)) throw new MillraceError('QUERY_INVALID', 'The statement is empty.')
  try {
    const prepared = guard(options.directory, () => database.prepare(statement))
    // SQLite stops after the first statement and says how far it read.
    if (isBlank(statement.slice(prepared.sourceSQL.length))) return prepared
  } catch (error) {
    throw asQueryError(error, options)
  }
  throw new MillraceError('QUERY_INVALID', 'There is more than one statement.', { fix: 'Send them one at a time.' })
}

/** Whether only white space, comments and semicolons are left. */
function isBlank(sql: string): boolean {
  return /^[\s;]*$/.test(sql.replace(/--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, ''))
}

const notAuthorized = 23

/** SQLite's codes of errors that are the statement's fault: error, read-only, too big, mismatch and the one above. */
const faultsOfStatement: readonly (number | undefined)[] = [1, 8, 18, 20, notAuthorized]

function asQueryError(error: unknown, options: RunQueryOptions): unknown {
  const { errcode, message } = error as { errcode?: number; message: string }
  if (!faultsOfStatement.includes(errcode)) return error
  if (errcode === notAuthorized || /^cannot modify .* view$/.test(message)) {
    return new MillraceError('QUERY_INVALID', 'Only statements that read are possible here.', {
      fix: 'Use SELECT. Rows are changed by the stage that writes the table.',
      cause: error,
    })
  }
  const missing = /^no such table: (.+)$/.exec(message)?.[1]
  return new MillraceError('QUERY_INVALID', `${message}.`, {
    ...(missing === undefined ? {} : { fix: suggestTable(missing, options.tables()) }),
    cause: error,
  })
}

function suggestTable(missing: string, tables: readonly string[]): string {
  if (tables.length === 0) return 'There are no tables yet; create them with `millrace apply`.'
  if (missing.includes('.')) return suggest(missing, tables)
  const bareName = (table: string) => table.slice(table.indexOf('.') + 1)
  const near = nearest(missing, tables.map(bareName))
  return suggest(tables.find(table => bareName(table) === near) ?? missing, tables)
}

async function readResult(statement: StatementSync, options: RunQueryOptions): Promise<QueryResult> {
  const { clock, limit, signal, timeoutMs } = options
  statement.setReturnArrays(true)
  statement.setReadBigInts(true)
  const columns = statement.columns().map(column => column.name)
  const rows: unknown[][] = []
  const start = clock.elapsed()
  let turn = start
  let bytes = 0
  for (const row of iterate(statement, options)) {
    if (rows.length === limit || bytes > maxBytes) return { columns, rows, truncated: true }
    for (const value of row) bytes += sizeOf(value)
    rows.push(row.map(plain))
    const now = clock.elapsed()
    if (now - start > timeoutMs) {
      throw new MillraceError('QUERY_INVALID', `The statement took longer than ${timeoutMs} ms.`, {
        fix: 'Narrow it down with WHERE on the primary key, or LIMIT.',
      })
    }
    if (now - turn > turnMs) {
      await setImmediate()
      signal?.throwIfAborted()
      turn = clock.elapsed()
    }
  }
  return { columns, rows, truncated: false }
}

function* iterate(statement: StatementSync, options: RunQueryOptions): Iterable<SQLOutputValue[]> {
  try {
    yield* statement.iterate() as Iterable<unknown> as Iterable<SQLOutputValue[]>
  } catch (error) {
    throw asQueryError(error, options)
  }
}

function sizeOf(value: SQLOutputValue): number {
  return typeof value === 'string' ? value.length : value instanceof Uint8Array ? value.byteLength : 8
}

/** JSON has no whole numbers beyond 2^53 − 1: text keeps them exact. */
function plain(value: SQLOutputValue): unknown {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
