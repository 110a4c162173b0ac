import { DatabaseSync } from 'node:sqlite'
import { type ErrorCode, MillraceError } from '../../sdk/errors.ts'

export interface DatabaseOptions {
  /** Pages of the write-ahead log before SQLite copies them into the main file. */
  readonly checkpointPages: number
  readonly readOnly?: boolean
  /** Milliseconds to wait for another process's transaction. Default 5,000. */
  readonly busyTimeoutMs?: number
  /** Page cache in KiB, for each connection. Default 1 MiB. */
  readonly cacheKib?: number
  /** Of a file made now; one that exists keeps its own. Default 4,096; larger ones suit large blobs. */
  readonly pageBytes?: number
}

/** Opens a file of the state directory the way all of them are: write-ahead log, durable at every commit. */
export function openDatabase(path: string, options: DatabaseOptions): DatabaseSync {
  return guard(path, () => {
    const database = new DatabaseSync(path, {
      readOnly: options.readOnly ?? false,
      timeout: options.busyTimeoutMs ?? 5_000,
    })
    try {
      // The page size is fixed with the first page written, which the journal mode does.
      if (!options.readOnly) {
        database.exec(`PRAGMA page_size = ${options.pageBytes ?? 4096}`)
        useWriteAheadLog(database)
      }
      database.exec(`
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = ${options.checkpointPages};
        PRAGMA cache_size = -${options.cacheKib ?? 1024};
        PRAGMA foreign_keys = ON;
      `)
    } catch (error) {
      database.close()
      throw error
    }
    return database
  })
}

/**
 * The switch to a write-ahead log does not wait for others as transactions do: where another process is switching the
 * same new file, this waits for it by a transaction and then finds the switch done.
 */
function useWriteAheadLog(database: DatabaseSync): void {
  const maxAttempts = 10
  for (let attempt = 1; ; attempt++) {
    try {
      database.exec('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (!isBusy(error) || attempt === maxAttempts) throw error
      database.exec('BEGIN IMMEDIATE; ROLLBACK')
    }
  }
}

function isBusy(error: unknown): boolean {
  return ((error as { errcode?: number }).errcode ?? 0) % 256 === 5
}

/** Runs `work` in one transaction that holds the write lock from its start; any throw rolls it back. */
export function transaction<T>(database: DatabaseSync, path: string, work: () => T): T {
  return guard(path, () => {
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      // A full disk makes SQLite roll back by itself; a second ROLLBACK would hide the first error.
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  })
}

/** SQLite's primary result codes, from sqlite.org/rescode.html. */
const codes: { readonly [errcode: number]: { code: ErrorCode; fix?: string } } = {
  5: { code: 'STORAGE_BUSY' },
  6: { code: 'STORAGE_BUSY' },
  8: { code: 'STATE_READ_ONLY', fix: 'Make the directory writable, or set MILLRACE_STATE to one that is.' },
  10: { code: 'STORAGE_FAILED' },
  11: {
    code: 'STATE_CORRUPT',
    fix: 'Restore the file from a backup, or move the state directory away and start afresh.',
  },
  13: { code: 'STORAGE_FULL', fix: 'Free some space; Millrace goes on by itself.' },
  14: { code: 'STATE_READ_ONLY', fix: 'Make the directory writable, or set MILLRACE_STATE to one that is.' },
  15: { code: 'STORAGE_BUSY' },
  26: { code: 'STATE_CORRUPT', fix: 'The file is not a database; move it away.' },
}

/** Runs `work` and turns what SQLite throws into a `MillraceError`; other errors pass. */
export function guard<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const errcode = (error as { errcode?: number }).errcode
    const known = errcode === undefined ? undefined : codes[errcode & 0xff]
    if (known === undefined) throw error
    const { code, fix } = known
    throw new MillraceError(code, `SQLite: ${(error as Error).message}.`, {
      place: path,
      ...(fix === undefined ? {} : { fix }),
      cause: error,
    })
  }
}
