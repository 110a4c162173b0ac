import type { TableDescription } from '../../../ports/table.ts'
import { columnOf } from './columns.ts'

/** Names of columns that people never see; `$` cannot be part of a declared name. */
export const rowIdColumn = '"$id"'
export const versionColumn = '"$version"'

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function quoteList(names: readonly string[], prefix = ''): string {
  return names.map(name => prefix + quote(name)).join(', ')
}

/** The rows themselves, with their versions. */
export function rowsTable(table: string): string {
  return quote(`${table}$rows`)
}

/** Keys of deleted rows and the version of the deletion, so that a late write cannot bring a row back. */
export function deletedTable(table: string): string {
  return quote(`${table}$deleted`)
}

/**
 * Rows and their versions are in `<name>$rows`; `<name>` is a view of exactly the declared columns, so that people see
 * what was declared and cannot write.
 */
export function createTableStatements(description: TableDescription): string {
  const { name, primaryKey } = description
  const columns = description.columns.map(columnOf).map(column => `${quote(column.name)} ${column.sqlType}`)
  const keyColumns = columns.filter((_, i) => primaryKey.includes(description.columns[i]!.name))
  return `
    CREATE TABLE ${rowsTable(name)} (${rowIdColumn} INTEGER PRIMARY KEY, ${columns.join(', ')}, ${versionColumn} INTEGER);
    CREATE UNIQUE INDEX ${quote(`${name}$key`)} ON ${rowsTable(name)} (${quoteList(primaryKey)});
    CREATE TABLE ${deletedTable(name)} (
      ${keyColumns.join(', ')}, ${versionColumn} INTEGER, PRIMARY KEY (${quoteList(primaryKey)})
    ) WITHOUT ROWID;
    ${createViewStatement(description)}
  `
}

export function addColumnsStatements(
  name: string,
  added: TableDescription['columns'],
  after: TableDescription,
): string {
  const columns = added.map(columnOf).map(column => `${quote(column.name)} ${column.sqlType}`)
  return `
    ${columns.map(column => `ALTER TABLE ${rowsTable(name)} ADD COLUMN ${column};`).join('\n')}
    DROP VIEW ${quote(name)};
    ${createViewStatement(after)}
  `
}

function createViewStatement({ name, columns }: TableDescription): string {
  return `CREATE VIEW ${quote(name)} AS SELECT ${quoteList(columns.map(column => column.name))} FROM ${rowsTable(name)};`
}

/**
 * Stores `count` rows, each given as the values of `columns` and its version. A row that has a higher version, or was
 * deleted with one, stays as it is.
 *
 * OR ROLLBACK spares SQLite the journal it would keep to undo one statement of several rows: any failure here
 * rolls back the whole transaction anyway.
 */
export function upsertStatement(
  { name, primaryKey, appendOnly }: TableDescription,
  columns: readonly string[],
  count: number,
): string {
  const row = `(${Array(columns.length + 1)
    .fill('?')
    .join(', ')})`
  const deletedKey = primaryKey.map(key => `d.${quote(key)} = column${columns.indexOf(key) + 1}`)
  const assignments = columns
    .filter(column => !primaryKey.includes(column))
    .map(quote)
    .map(column => `${column} = ${appendOnly ? `coalesce(excluded.${column}, ${column})` : `excluded.${column}`}`)
  return `
    INSERT OR ROLLBACK INTO ${rowsTable(name)} (${quoteList(columns)}, ${versionColumn})
    SELECT * FROM (VALUES ${Array(count).fill(row).join(', ')})
    WHERE NOT EXISTS (
      SELECT 1 FROM ${deletedTable(name)} AS d
      WHERE ${deletedKey.join(' AND ')} AND d.${versionColumn} > column${columns.length + 1}
    )
    ON CONFLICT (${quoteList(primaryKey)}) DO UPDATE
    SET ${[...assignments, `${versionColumn} = excluded.${versionColumn}`].join(', ')}
    WHERE excluded.${versionColumn} >= ${versionColumn}
  `
}

/** Takes the values of the primary key and the version of the deletion. */
export function deleteRowStatement({ name, primaryKey }: TableDescription): string {
  return `DELETE FROM ${rowsTable(name)} WHERE ${keyCondition(primaryKey)} AND ${versionColumn} <= ?`
}

/** Takes the values of the primary key and the version of the deletion. */
export function rememberDeletedStatement({ name, primaryKey }: TableDescription): string {
  return `
    INSERT INTO ${deletedTable(name)} (${quoteList(primaryKey)}, ${versionColumn})
    VALUES (${Array(primaryKey.length + 1)
      .fill('?')
      .join(', ')})
    ON CONFLICT (${quoteList(primaryKey)}) DO UPDATE SET ${versionColumn} = excluded.${versionColumn}
    WHERE excluded.${versionColumn} > ${versionColumn}
  `
}

export function keyCondition(primaryKey: readonly string[]): string {
  return primaryKey.map(key => `${quote(key)} = ?`).join(' AND ')
}
