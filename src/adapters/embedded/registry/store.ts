import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Compatibility, SchemaReference } from '../../../ports/schema-registry.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { guard, openDatabase, transaction } from '../database.ts'

/** The file's `user_version`. */
const format = 1

const tables = `
  CREATE TABLE schemas (
    -- Ids are written into records, so one is never given twice.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    text TEXT NOT NULL,
    refs TEXT NOT NULL,
    -- SHA-256 of text and refs: what makes two schemas the same one.
    identity BLOB NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE versions (
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    schema INTEGER NOT NULL REFERENCES schemas (id),
    deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (subject, version)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX versions_by_schema ON versions (schema);

  CREATE TABLE schema_references (
    schema INTEGER NOT NULL REFERENCES schemas (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (subject, version, schema)
  ) STRICT, WITHOUT ROWID;

  -- The global level's subject is ''.
  CREATE TABLE levels (subject TEXT PRIMARY KEY, level TEXT NOT NULL) STRICT, WITHOUT ROWID;

  PRAGMA user_version = ${format};
`

export interface StoredText {
  readonly id: number
  readonly text: string
  readonly references: readonly SchemaReference[]
}

export interface StoredVersion extends StoredText {
  readonly version: number
  readonly deleted: boolean
}

/** The registry's file. What a call means is the registry's affair; here are only rows. */
export class SchemaStore {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #statements: ReturnType<typeof prepare>

  constructor(path: string) {
    this.#path = path
    this.#database = openDatabase(path, { checkpointPages: 1_000 })
    try {
      transaction(this.#database, path, () => this.#format())
      this.#statements = guard(path, () => prepare(this.#database))
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  #format(): void {
    const found = Number(this.#database.prepare('PRAGMA user_version').get()?.user_version)
    if (found === 0) this.#database.exec(tables)
    if (found <= format) return
    throw new MillraceError('STATE_VERSION', `The schema registry has format ${found}; this version reads ${format}.`, {
      place: this.#path,
      fix: 'Use the newer version of Millrace that wrote it, or another state directory.',
    })
  }

  write<T>(work: () => T): T {
    return transaction(this.#database, this.#path, work)
  }

  byId(id: number): StoredText | null {
    return this.#one(this.#statements.byId, textOf, id)
  }

  byIdentity(identity: Uint8Array): StoredText | null {
    return this.#one(this.#statements.byIdentity, textOf, identity)
  }

  version(subject: string, version: number): StoredVersion | null {
    return this.#one(this.#statements.version, versionOf, subject, version)
  }

  /** Ascending, with the soft-deleted. */
  versions(subject: string): readonly StoredVersion[] {
    return this.#all(this.#statements.versions, versionOf, subject)
  }

  subjects(after: string, limit: number, deleted: boolean): readonly string[] {
    return this.#all(this.#statements.subjects, row => String(row.subject), after, deleted ? 1 : 0, limit)
  }

  addSchema(text: string, references: readonly SchemaReference[], identity: Uint8Array): number {
    return guard(this.#path, () => {
      const { lastInsertRowid } = this.#statements.addSchema.run(text, JSON.stringify(references), identity)
      const id = Number(lastInsertRowid)
      for (const { subject, version } of references) this.#statements.addReference.run(id, subject, version)
      return id
    })
  }

  addVersion(subject: string, version: number, id: number): void {
    guard(this.#path, () => this.#statements.addVersion.run(subject, version, id))
  }

  softDelete(subject: string, version: number): void {
    guard(this.#path, () => this.#statements.softDelete.run(subject, version))
  }

  /** Deletes a version for good, and its schema if no other version has it. */
  remove(subject: string, version: number, id: number): void {
    guard(this.#path, () => {
      this.#statements.removeVersion.run(subject, version)
      this.#statements.removeSchema.run(id)
    })
  }

  /** Subjects with a schema that refers to this version, the soft-deleted ones counted only if asked to. */
  referrers(subject: string, version: number, deleted: boolean): readonly string[] {
    return this.#all(this.#statements.referrers, row => String(row.subject), subject, version, deleted ? 1 : 0)
  }

  level(subject: string): Compatibility | null {
    return this.#one(this.#statements.level, row => row.level as Compatibility, subject)
  }

  setLevel(subject: string, level: Compatibility | null): void {
    guard(this.#path, () => {
      if (level === null) this.#statements.removeLevel.run(subject)
      else this.#statements.setLevel.run(subject, level)
    })
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #one<T>(statement: StatementSync, read: (row: SqlRow) => T, ...values: SqlValue[]): T | null {
    const row = guard(this.#path, () => statement.get(...values))
    return row === undefined ? null : read(row)
  }

  #all<T>(statement: StatementSync, read: (row: SqlRow) => T, ...values: SqlValue[]): readonly T[] {
    return guard(this.#path, () => statement.all(...values)).map(read)
  }
}

type SqlValue = string | number | Uint8Array
type SqlRow = NonNullable<ReturnType<StatementSync['get']>>

function prepare(database: DatabaseSync) {
  return {
    byId: database.prepare('SELECT id, text, refs FROM schemas WHERE id = ?'),
    byIdentity: database.prepare('SELECT id, text, refs FROM schemas WHERE identity = ?'),
    version: database.prepare(`
      SELECT version, deleted, id, text, refs FROM versions JOIN schemas ON id = schema
      WHERE subject = ? AND version = ?`),
    versions: database.prepare(`
      SELECT version, deleted, id, text, refs FROM versions JOIN schemas ON id = schema
      WHERE subject = ? ORDER BY version`),
    subjects: database.prepare(`
      SELECT DISTINCT subject FROM versions WHERE subject > ? AND deleted <= ? ORDER BY subject LIMIT ?`),
    addSchema: database.prepare('INSERT INTO schemas (text, refs, identity) VALUES (?, ?, ?)'),
    addReference: database.prepare(
      'INSERT OR IGNORE INTO schema_references (schema, subject, version) VALUES (?, ?, ?)',
    ),
    addVersion: database.prepare('INSERT INTO versions (subject, version, schema) VALUES (?, ?, ?)'),
    softDelete: database.prepare('UPDATE versions SET deleted = 1 WHERE subject = ? AND version = ?'),
    removeVersion: database.prepare('DELETE FROM versions WHERE subject = ? AND version = ?'),
    removeSchema: database.prepare(`
      DELETE FROM schemas WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM versions WHERE schema = ?1)`),
    referrers: database.prepare(`
      SELECT DISTINCT versions.subject FROM schema_references AS r JOIN versions ON versions.schema = r.schema
      WHERE r.subject = ? AND r.version = ? AND versions.deleted <= ? ORDER BY 1`),
    level: database.prepare('SELECT level FROM levels WHERE subject = ?'),
    setLevel: database.prepare(`
      INSERT INTO levels (subject, level) VALUES (?, ?) ON CONFLICT DO UPDATE SET level = excluded.level`),
    removeLevel: database.prepare('DELETE FROM levels WHERE subject = ?'),
  }
}

function textOf(row: SqlRow): StoredText {
  return { id: Number(row.id), text: String(row.text), references: JSON.parse(String(row.refs)) }
}

function versionOf(row: SqlRow): StoredVersion {
  return { ...textOf(row), version: Number(row.version), deleted: row.deleted === 1 }
}
