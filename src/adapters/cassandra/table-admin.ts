import { type ColumnPlan, type TablePlan, tableId } from '../../plan/plan.ts'
import type { Page, PageRequest } from '../../ports/paging.ts'
import type {
  Checkpoint,
  QueryOptions,
  QueryResult,
  RowsRequest,
  StoredRow,
  TableAdmin,
  TableDescription,
} from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { CheckpointStore, checkpointsTable } from './checkpoints.ts'
import type { Connection } from './connection.ts'
import { countRows } from './count.ts'
import {
  descriptionOf,
  differences,
  incompatible,
  newColumns,
  partitionColumnCount,
  type SchemaTable,
  tableUnknown,
} from './description.ts'
import { runQuery } from './query.ts'
import { readRows } from './rows.ts'
import { addColumns, createTable, listTables, readTable } from './schema.ts'

type TableName = Pick<TablePlan, 'keyspace' | 'name'>

export class CassandraTableAdmin implements TableAdmin {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async describe(table: TableName): Promise<TableDescription | null> {
    const found = await readTable(this.#connection, table)
    return found === null ? null : descriptionOf(found)
  }

  async create(plan: TablePlan): Promise<void> {
    const { keyspace, name, columns, primaryKey, appendOnly } = plan
    if ((await this.describe(plan)) === null) {
      await createTable(this.#connection, { keyspace, name, columns, primaryKey, appendOnly })
    }
    // Another process may have been faster, with another plan.
    const differs = differences(plan, descriptionOf(await this.#existing(plan)))
    if (differs.length > 0) throw incompatible(plan, `it exists and ${differs.join('; ')}`)
  }

  async addColumns(plan: TablePlan, columns: readonly ColumnPlan[]): Promise<void> {
    const found = descriptionOf(await this.#existing(plan))
    const added = newColumns(plan, columns, found)
    if (added.length === 0) return
    const after = { ...found, columns: [...found.columns, ...added] }
    try {
      await addColumns(this.#connection, after, added)
    } catch (error) {
      // Another process may have been faster.
      const now = descriptionOf(await this.#existing(plan))
      if (newColumns(plan, columns, now).length > 0) throw error
    }
  }

  /** Tables that cannot be described, because of columns of types that cannot be declared, are left out. */
  async tables(page: PageRequest = {}): Promise<Page<TableDescription>> {
    const limit = pageLimit(page)
    const items: TableDescription[] = []
    for (const name of await listTables(this.#connection)) {
      if (page.after !== undefined && tableId(name) <= page.after) continue
      if (items.length === limit) return { items, next: tableId(items.at(-1)!) }
      const description = await this.describe(name).catch(unlessIncompatible)
      if (description !== null) items.push(description)
    }
    return { items, next: null }
  }

  async rows(table: TableName, request: RowsRequest = {}): Promise<Page<StoredRow>> {
    const description = descriptionOf(await this.#existing(table))
    return readRows(this.#connection, description, { ...request, limit: pageLimit(request) })
  }

  async count(table: TableName): Promise<{ readonly rows: number; readonly exact: boolean }> {
    const found = await this.#existing(table)
    return countRows(this.#connection, descriptionOf(found), partitionColumnCount(found))
  }

  async checkpoints(table: TableName, stage: string): Promise<readonly Checkpoint[]> {
    await this.#existing(table)
    const there = await readTable(this.#connection, { keyspace: table.keyspace, name: checkpointsTable })
    if (there === null) return []
    return new CheckpointStore(this.#connection, table.keyspace, table.name, stage).list()
  }

  /**
   * One `SELECT` in CQL, tables named `keyspace.table`. Whole numbers beyond ±(2^53 − 1) and values of types that only Cassandra
   * has come back as text. At most 32 MiB of text are returned; `truncated` then.
   */
  async query(statement: string, options: QueryOptions): Promise<QueryResult> {
    return runQuery(this.#connection, statement, options)
  }

  async #existing(table: TableName): Promise<SchemaTable> {
    const found = await readTable(this.#connection, table)
    if (found === null) throw tableUnknown(table)
    return found
  }
}

function unlessIncompatible(error: unknown): null {
  if (error instanceof MillraceError && error.code === 'PLAN_INCOMPATIBLE') return null
  throw error
}

function pageLimit({ limit = 100 }: PageRequest): number {
  return Math.max(1, Math.min(limit, 1000))
}
