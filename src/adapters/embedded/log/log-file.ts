import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { MillraceError } from '../../../sdk/errors.ts'
import { guard, openDatabase, transaction } from '../database.ts'
import { formatVersion, schema } from './schema.ts'

/** 128 MiB of write-ahead log at this page size: the file is copied together rarely and in large pieces. */
const checkpointPages = 8000
const pageBytes = 16_384

/** The log's file as one thread uses it: a connection, its prepared statements, and whether anything has changed. */
export class LogFile {
  readonly path: string
  readonly database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #ownWrites = 0

  constructor(path: string, database: DatabaseSync) {
    this.path = path
    this.database = database
  }

  /** The first row, or undefined. */
  get<Row>(sql: string, ...parameters: (string | number | Uint8Array | null)[]): Row | undefined {
    return guard(this.path, () => this.#statement(sql).get(...parameters)) as Row | undefined
  }

  all<Row>(sql: string, ...parameters: (string | number | Uint8Array | null)[]): Row[] {
    return guard(this.path, () => this.#statement(sql).all(...parameters)) as Row[]
  }

  /** Returns the number of rows changed. */
  run(sql: string, ...parameters: (string | number | Uint8Array | null)[]): number {
    return guard(this.path, () => this.#statement(sql).run(...parameters)).changes as number
  }

  /** Runs `work` as one transaction that holds the write lock. */
  write<T>(work: () => T): T {
    if (!this.database.isOpen) throw closedError('The log')
    const result = transaction(this.database, this.path, work)
    this.#ownWrites++
    return result
  }

  /** Differs from an earlier mark if any connection, of this process or another, has written in between. */
  changeMark(): string {
    // SQLite's data_version counts the writes of every connection but its own.
    const { data_version } = this.get<{ data_version: number }>('PRAGMA data_version')!
    return `${data_version}:${this.#ownWrites}`
  }

  close(): void {
    if (this.database.isOpen) this.database.close()
  }

  #statement(sql: string): StatementSync {
    if (!this.database.isOpen) throw closedError('The log')
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** @throws MillraceError `STATE_VERSION`, `STATE_READ_ONLY`, `STATE_CORRUPT`, … */
export function openLogFile(path: string): LogFile {
  const file = new LogFile(path, openDatabase(path, { checkpointPages, pageBytes }))
  try {
    if (versionOf(file) !== formatVersion) {
      file.write(() => {
        // Read again under the lock: another process may have made the file meanwhile.
        const found = versionOf(file)
        if (found > formatVersion) throw newerVersion(path, found)
        if (found === 0) file.database.exec(`${schema}; PRAGMA user_version = ${formatVersion}`)
      })
    }
    return file
  } catch (error) {
    file.close()
    throw error
  }
}

function versionOf(file: LogFile): number {
  return file.get<{ user_version: number }>('PRAGMA user_version')!.user_version
}

function newerVersion(path: string, found: number): MillraceError {
  return new MillraceError(
    'STATE_VERSION',
    `The log has format ${found}; this version of Millrace knows ${formatVersion}.`,
    {
      place: path,
      fix: 'Use the newer Millrace that wrote it, or another state directory.',
    },
  )
}

export function closedError(what: string): MillraceError {
  return new MillraceError('INVARIANT_BROKEN', `${what} is closed.`)
}
