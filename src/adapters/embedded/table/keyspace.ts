import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { TableDescription } from '../../../ports/table.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { createDirectory } from '../../system/file-system.ts'
import { guard, openDatabase, transaction } from '../database.ts'

/** The file's `user_version`. */
const format = 1

/** Larger than SQLite's 4 KiB: fewer and larger writes per transaction of random keys. See docs/decisions/0001-embedded-tables.md. */
const pageBytes = 8192

/** 128 MiB of write-ahead log between two checkpoints: a page changed often is copied once. */
const checkpointPages = 16_000

/** For the upper levels of a key's index, which every row goes through. */
const cacheKib = 8 * 1024

/** `$` cannot be part of a declared name, so nothing of ours collides with a table. */
const tables = `
  CREATE TABLE "$tables" (name TEXT PRIMARY KEY, description TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE "$checkpoints" (
    table_name TEXT NOT NULL,
    stage TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    -- The newest epoch that claimed the partition; older ones write nothing any more.
    claimed INTEGER NOT NULL,
    -- What the last write stored; null before the first.
    epoch INTEGER,
    next INTEGER,
    version INTEGER,
    PRIMARY KEY (table_name, stage, topic, partition)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${format};
`

export interface Keyspace {
  readonly path: string
  readonly database: DatabaseSync
}

/** Opens a keyspace's file, creating it if need be. @throws MillraceError `STATE_VERSION`, `STATE_CORRUPT`, … */
export function openKeyspace(directory: string, name: string): Keyspace {
  const path = keyspacePath(directory, name)
  createDirectory(directory)
  const database = openDatabase(path, { checkpointPages, pageBytes, cacheKib })
  try {
    if (formatOf(database, path) === 0) {
      transaction(database, path, () => {
        // Another process may have been faster.
        if (formatOf(database, path) === 0) database.exec(tables)
      })
    }
  } catch (error) {
    database.close()
    throw error
  }
  return { path, database }
}

function formatOf(database: DatabaseSync, path: string): number {
  const found = guard(path, () => Number(database.prepare('PRAGMA user_version').get()!.user_version))
  if (found <= format) return found
  throw new MillraceError('STATE_VERSION', `${path} has format ${found}; this version knows ${format}.`, {
    place: path,
    fix: 'Install the version of Millrace that wrote it, or a newer one.',
  })
}

/** @throws MillraceError `NAME_INVALID` for a name that could not be a file or an attached database. */
export function keyspacePath(directory: string, name: string): string {
  if (!/^[a-z_][a-z0-9_]{0,47}$/i.test(name) || ['main', 'temp'].includes(name.toLowerCase())) {
    throw new MillraceError('NAME_INVALID', `${name} cannot be the name of a keyspace.`, {
      place: name,
      fix: 'Use up to 48 letters, digits and underscores, not starting with a digit; not main or temp.',
    })
  }
  return join(directory, `${name}.db`)
}

/** The keyspaces that have a file, in the order of their names. */
export function listKeyspaces(directory: string): readonly string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .filter(file => file.endsWith('.db'))
    .map(file => file.slice(0, -'.db'.length))
    .sort()
}

export function readDescription({ database, path }: Keyspace, table: string): TableDescription | null {
  return guard(path, () => {
    const row = database.prepare('SELECT description FROM "$tables" WHERE name = ?').get(table)
    return row === undefined ? null : (JSON.parse(row.description as string) as TableDescription)
  })
}

export function writeDescription({ database }: Keyspace, description: TableDescription): void {
  database
    .prepare('INSERT INTO "$tables" VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET description = excluded.description')
    .run(description.name, JSON.stringify(description))
}

export function readDescriptions({ database, path }: Keyspace): readonly TableDescription[] {
  return guard(path, () =>
    database
      .prepare('SELECT description FROM "$tables" ORDER BY name')
      .all()
      .map(row => JSON.parse(row.description as string) as TableDescription),
  )
}

/** The files this store has open, each once. */
export class OpenKeyspaces {
  readonly #directory: string
  readonly #open = new Map<string, Keyspace>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Creates the file if need be. */
  get(name: string): Keyspace {
    const open = this.#open.get(name) ?? openKeyspace(this.#directory, name)
    this.#open.set(name, open)
    return open
  }

  /** Null if there is no such file. */
  existing(name: string): Keyspace | null {
    return existsSync(keyspacePath(this.#directory, name)) ? this.get(name) : null
  }

  close(): void {
    for (const { database } of this.#open.values()) database.close()
    this.#open.clear()
  }
}
