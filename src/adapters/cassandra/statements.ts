import type { ColumnPlan, TablePlan } from '../../plan/plan.ts'
import type { TableDescription } from '../../ports/table.ts'
import { columnOf } from './columns.ts'

type TableName = Pick<TablePlan, 'keyspace' | 'name'>

/** In double quotes CQL keeps upper and lower case. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

export function quoteTable({ keyspace, name }: TableName): string {
  return `${quote(keyspace)}.${quote(name)}`
}

/**
 * Takes the values of all columns and the version.
 *
 * The version is the write timestamp, so the newest one wins for each cell on each replica, in whatever order and however often
 * writes arrive. For equal timestamps Cassandra lets a deletion win, and among values the larger one. That never decides
 * between two records: versions are strictly increasing along a partition of the topic, and all records of a key are in one
 * partition. Only the same record written again has an equal timestamp, and then the values are equal too.
 */
export function upsertStatement(table: Pick<TablePlan, 'keyspace' | 'name' | 'columns'>): string {
  const columns = table.columns.map(({ name }) => quote(name))
  const markers = columns.map(() => '?').join(', ')
  return `INSERT INTO ${quoteTable(table)} (${columns.join(', ')}) VALUES (${markers}) USING TIMESTAMP ?`
}

/** Takes the version, then the values of the primary key. */
export function deleteStatement(table: Pick<TablePlan, 'keyspace' | 'name' | 'primaryKey'>): string {
  return `DELETE FROM ${quoteTable(table)} USING TIMESTAMP ? WHERE ${keyCondition(table.primaryKey)}`
}

/**
 * The same statement `count` times as one, with the values of all of them in a row. Prepared once, it costs both sides a
 * third less than a batch of so many prepared statements. It is not atomic, and need not be.
 */
export function repeated(statement: string, count: number): string {
  if (count === 1) return statement
  return `BEGIN UNLOGGED BATCH ${`${statement}; `.repeat(count)}APPLY BATCH`
}

export function keyCondition(primaryKey: readonly string[]): string {
  return primaryKey.map(name => `${quote(name)} = ?`).join(' AND ')
}

export function createKeyspaceStatement(
  keyspace: string,
  replication: { readonly [dataCenter: string]: number },
): string {
  const options = Object.entries(replication).map(([dataCenter, count]) => `${quoteText(dataCenter)}: ${count}`)
  return `CREATE KEYSPACE IF NOT EXISTS ${quote(keyspace)} WITH replication = {'class': 'NetworkTopologyStrategy', ${options.join(', ')}}`
}

/** The first column of the primary key places a row, the others order it among those of the same place, as CQL has it. */
export function createTableStatement(table: TableDescription, comment: string): string {
  const columns = table.columns.map(column => `${quote(column.name)} ${columnOf(column).cqlType}`)
  const key = table.primaryKey.map(quote).join(', ')
  return `CREATE TABLE IF NOT EXISTS ${quoteTable(table)} (${columns.join(', ')}, PRIMARY KEY (${key})) WITH comment = ${quoteText(comment)}`
}

export function addColumnsStatement(table: TableName, columns: readonly ColumnPlan[]): string {
  const added = columns.map(column => `${quote(column.name)} ${columnOf(column).cqlType}`)
  return `ALTER TABLE ${quoteTable(table)} ADD (${added.join(', ')})`
}

export function commentStatement(table: TableName, comment: string): string {
  return `ALTER TABLE ${quoteTable(table)} WITH comment = ${quoteText(comment)}`
}
