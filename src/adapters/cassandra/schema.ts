import type { types } from 'cassandra-driver'
import { type ColumnPlan, type TablePlan, tableId } from '../../plan/plan.ts'
import type { TableDescription } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { checkpointsTable, createCheckpointsStatement, sparkCheckpointsTable } from './checkpoints.ts'
import type { Connection } from './connection.ts'
import { commentOf, type SchemaColumn, type SchemaTable } from './description.ts'
import { addColumnsStatement, commentStatement, createKeyspaceStatement, createTableStatement } from './statements.ts'

type TableName = Pick<TablePlan, 'keyspace' | 'name'>

const defaultReplicas = 3

/** Names that need no care anywhere. */
const plainName = /^[A-Za-z][A-Za-z0-9_]{0,47}$/

/** Null if there is no such table. */
export async function readTable(connection: Connection, { keyspace, name }: TableName): Promise<SchemaTable | null> {
  const tables = await connection.execute(
    'SELECT comment FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?',
    [keyspace, name],
  )
  const comment = tables.rows[0]?.comment as string | null | undefined
  if (comment === undefined) return null
  const columns = await connection.execute(
    'SELECT column_name, kind, position, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?',
    [keyspace, name],
  )
  return { keyspace, name, comment: comment ?? '', columns: columns.rows.map(toColumn) }
}

function toColumn(row: types.Row): SchemaColumn {
  const { column_name: name, kind, position, type } = row
  return { name, kind, position, type }
}

const ownTables = [checkpointsTable, sparkCheckpointsTable]

/** Every table but Cassandra's and our checkpoints, in the order of their names. */
export async function listTables(connection: Connection): Promise<readonly TableName[]> {
  const names: TableName[] = []
  const statement = 'SELECT keyspace_name, table_name FROM system_schema.tables'
  for (let pageState: string | undefined; ; ) {
    const page = await connection.execute(statement, [], {
      fetchSize: 1_000,
      ...(pageState === undefined ? {} : { pageState }),
    })
    for (const row of page.rows) names.push({ keyspace: row.keyspace_name, name: row.table_name })
    pageState = page.pageState
    if (!pageState) break
  }
  return names
    .filter(({ keyspace, name }) => !/^(?:system|system_.*|dse_.*)$/.test(keyspace) && !ownTables.includes(name))
    .sort((a, b) => (tableId(a) < tableId(b) ? -1 : 1))
}

/** Creates keyspace and table unless they are there. */
export async function createTable(connection: Connection, table: TableDescription): Promise<void> {
  refuseUnusableNames(table)
  const create = createTableStatement(table, commentOf(table))
  if (!(await hasKeyspace(connection, table.keyspace))) {
    await change(connection, createKeyspaceStatement(table.keyspace, replicationOf(connection)), tableId(table))
  }
  await createCheckpoints(connection, table.keyspace)
  await change(connection, create, tableId(table))
}

/** Creates the keyspace's table of checkpoints unless it is there. */
export async function createCheckpoints(connection: Connection, keyspace: string): Promise<void> {
  const there = await readTable(connection, { keyspace, name: checkpointsTable })
  if (there === null) await change(connection, createCheckpointsStatement(keyspace), `${keyspace}.${checkpointsTable}`)
}

/** The comment first: what it says of a column that is not there yet is not reported. */
export async function addColumns(
  connection: Connection,
  after: TableDescription,
  added: readonly ColumnPlan[],
): Promise<void> {
  refuseUnusableNames(after)
  const add = addColumnsStatement(after, added)
  await change(connection, commentStatement(after, commentOf(after)), tableId(after))
  await change(connection, add, tableId(after))
}

async function hasKeyspace(connection: Connection, keyspace: string): Promise<boolean> {
  const statement = 'SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?'
  return (await connection.execute(statement, [keyspace])).rows.length > 0
}

function replicationOf({ client, settings }: Connection): { readonly [dataCenter: string]: number } {
  const { localDataCenter, replication } = settings
  if (replication !== null) return replication
  const nodes = client.hosts.values().filter(host => host.datacenter === localDataCenter).length
  return { [localDataCenter]: Math.max(1, Math.min(defaultReplicas, nodes)) }
}

/** Resolves once all nodes agree on the schema. */
async function change(connection: Connection, statement: string, place: string): Promise<void> {
  const { info } = await connection.execute(statement, [], { prepare: false }, place)
  // The driver has waited for it; its types leave this out.
  if ((info as { isSchemaInAgreement?: boolean }).isSchemaInAgreement) return
  throw new MillraceError('DATABASE_TIMEOUT', 'The nodes do not agree on the schema yet.', {
    place,
    outcome: 'unknown',
    fix: 'Check that all nodes are up (`nodetool describecluster`) and apply again.',
  })
}

function refuseUnusableNames({ keyspace, name, columns }: TableDescription): void {
  const unusable = [keyspace, name, ...columns.map(column => column.name)].find(each => !plainName.test(each))
  if (unusable === undefined) return
  throw new MillraceError('NAME_INVALID', `${unusable} cannot be the name of a keyspace, table or column.`, {
    place: `${keyspace}.${name}`,
    fix: 'Use up to 48 letters, digits and underscores, starting with a letter.',
  })
}
