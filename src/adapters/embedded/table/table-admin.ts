import { type ColumnPlan, type TablePlan, tableId } from '../../../plan/plan.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Page, PageRequest } from '../../../ports/paging.ts'
import type {
  Checkpoint,
  QueryOptions,
  QueryResult,
  RowsRequest,
  StoredRow,
  TableAdmin,
  TableDescription,
} from '../../../ports/table.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { guard, transaction } from '../database.ts'
import { CheckpointStore } from './checkpoints.ts'
import { columnOf } from './columns.ts'
import { descriptionOf, differences, tableUnknown } from './description.ts'
import { listKeyspaces, type OpenKeyspaces, readDescription, readDescriptions, writeDescription } from './keyspace.ts'
import { runQuery } from './query.ts'
import { readRows } from './rows.ts'
import { addColumnsStatements, createTableStatements, rowsTable } from './statements.ts'

type TableName = Pick<TablePlan, 'keyspace' | 'name'>

export interface EmbeddedTableAdminOptions {
  readonly directory: string
  readonly keyspaces: OpenKeyspaces
  readonly queryTimeoutMs: number
  readonly clock: Clock
}

export class EmbeddedTableAdmin implements TableAdmin {
  readonly #options: EmbeddedTableAdminOptions

  constructor(options: EmbeddedTableAdminOptions) {
    this.#options = options
  }

  async describe(table: TableName): Promise<TableDescription | null> {
    const keyspace = this.#options.keyspaces.existing(table.keyspace)
    return keyspace === null ? null : readDescription(keyspace, table.name)
  }

  async create(plan: TablePlan): Promise<void> {
    refuseUnusableNames(plan)
    const description = descriptionOf(plan)
    const statements = createTableStatements(description)
    const keyspace = this.#options.keyspaces.get(plan.keyspace)
    transaction(keyspace.database, keyspace.path, () => {
      const found = readDescription(keyspace, plan.name)
      if (found === null) {
        keyspace.database.exec(statements)
        writeDescription(keyspace, description)
        return
      }
      const differs = differences(description, found)
      if (differs.length > 0) throw incompatible(plan, `it exists and ${differs.join('; ')}`)
    })
  }

  async addColumns(plan: TablePlan, columns: readonly ColumnPlan[]): Promise<void> {
    const { database, path, keyspace } = this.#existing(plan)
    transaction(database, path, () => {
      const found = readDescription(keyspace, plan.name)!
      const added = columns.filter(column => isNew(column, found, plan))
      if (added.length === 0) return
      const after = { ...found, columns: [...found.columns, ...added] }
      refuseUnusableNames(after)
      database.exec(addColumnsStatements(plan.name, added, after))
      writeDescription(keyspace, after)
    })
  }

  async tables(page: PageRequest = {}): Promise<Page<TableDescription>> {
    const limit = pageLimit(page)
    const items: TableDescription[] = []
    for (const description of this.#descriptions()) {
      if (page.after !== undefined && tableId(description) <= page.after) continue
      if (items.length === limit) return { items, next: tableId(items.at(-1)!) }
      items.push(description)
    }
    return { items, next: null }
  }

  async rows(table: TableName, request: RowsRequest = {}): Promise<Page<StoredRow>> {
    const { keyspace, found } = this.#existing(table)
    return readRows(keyspace, found, { ...request, limit: pageLimit(request) })
  }

  async count(table: TableName): Promise<{ readonly rows: number; readonly exact: boolean }> {
    const { database, path } = this.#existing(table)
    const sql = `SELECT count(*) AS rows FROM ${rowsTable(table.name)}`
    return guard(path, () => ({ rows: Number(database.prepare(sql).get()!.rows), exact: true }))
  }

  async checkpoints(table: TableName, stage: string): Promise<readonly Checkpoint[]> {
    return new CheckpointStore(this.#existing(table).keyspace, table.name, stage).list()
  }

  /**
   * One `SELECT` (or `VALUES`, `EXPLAIN`) in SQLite's language, over all keyspaces, tables named `keyspace.table`. Whole
   * numbers beyond ±(2^53 − 1) come back as decimal text. At most 32 MiB of text and blobs are returned; `truncated` then.
   *
   * The signal and the time limit are looked at between rows: SQLite cannot be interrupted while it looks for the
   * next row, so a statement that reads much before its first row (a sort, a count, a join without index) holds up this
   * thread until then.
   */
  async query(statement: string, options: QueryOptions): Promise<QueryResult> {
    const { directory, queryTimeoutMs, clock } = this.#options
    return runQuery(statement, {
      ...options,
      directory,
      timeoutMs: queryTimeoutMs,
      clock,
      tables: () => [...this.#descriptions()].map(tableId),
    })
  }

  *#descriptions(): Iterable<TableDescription> {
    for (const name of listKeyspaces(this.#options.directory)) {
      const keyspace = this.#options.keyspaces.existing(name)
      if (keyspace !== null) yield* readDescriptions(keyspace)
    }
  }

  #existing(table: TableName) {
    const keyspace = this.#options.keyspaces.existing(table.keyspace)
    const found = keyspace === null ? null : readDescription(keyspace, table.name)
    if (keyspace === null || found === null) throw tableUnknown(table)
    return { keyspace, found, database: keyspace.database, path: keyspace.path }
  }
}

function pageLimit({ limit = 100 }: PageRequest): number {
  return Math.max(1, Math.min(limit, 1000))
}

function incompatible(table: TableName, reason: string): MillraceError {
  return new MillraceError('PLAN_INCOMPATIBLE', `${tableId(table)}: ${reason}.`, {
    place: tableId(table),
    fix: 'Only columns that take null can be added; for another change declare a table of another name.',
  })
}

/** Whether a column has yet to be added; false if it is there as planned. */
function isNew(column: ColumnPlan, found: TableDescription, plan: TableName): boolean {
  const there = found.columns.find(each => each.name === column.name)
  if (there === undefined) {
    if (!column.nullable) throw incompatible(plan, `column ${column.name} does not take null`)
    return true
  }
  if (columnOf(there).sqlType !== columnOf(column).sqlType || there.nullable !== column.nullable) {
    throw incompatible(plan, `column ${column.name} exists and is ${there.type.kind}`)
  }
  return false
}

/** SQLite does not tell upper from lower case in names. */
function refuseUnusableNames({ keyspace, name, columns }: TableDescription): void {
  const names = [name, ...columns.map(column => column.name)]
  const unusable = names.find(each => !/^[a-z_][a-z0-9_]*$/i.test(each) || /^sqlite_/i.test(each))
  if (unusable !== undefined) {
    throw new MillraceError('NAME_INVALID', `${unusable} cannot be the name of a table or column.`, {
      place: `${keyspace}.${name}`,
      fix: 'Use letters, digits and underscores, not starting with a digit or sqlite_.',
    })
  }
  const seen = new Set<string>()
  for (const column of columns.map(each => each.name.toLowerCase())) {
    if (seen.has(column)) {
      throw new MillraceError(
        'NAME_DUPLICATE',
        `Two columns are named ${column}; upper and lower case are the same here.`,
        {
          place: `${keyspace}.${name}`,
        },
      )
    }
    seen.add(column)
  }
}
