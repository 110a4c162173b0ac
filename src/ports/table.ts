import type { ColumnPlan, TablePlan } from '../plan/plan.ts'
import type { MillraceError } from '../sdk/errors.ts'
import type { Page, PageRequest } from './paging.ts'

/** The database that holds tables: SQLite files, or Cassandra. */
export interface TableStore {
  /**
   * Whether `write` of a table makes rows and checkpoint durable together. If so the table's checkpoint says where to go on;
   * if not, the log's commit after the write does.
   */
  readonly atomicCheckpoint: boolean
  /**
   * Opens a table for one stage's writes.
   * @throws MillraceError `TABLE_UNKNOWN`, or `PLAN_INCOMPATIBLE` if what is there is not what is planned.
   */
  open(table: TablePlan, stage: string): Promise<Table>
  readonly admin: TableAdmin
  close(): Promise<void>
}

/**
 * A table as a stage writes it. Every row carries a version; a write of a lower version than the row has changes
 * nothing, whenever it arrives, so writing again is always safe.
 */
export interface Table {
  /**
   * Claims a partition for an assignment's epoch and returns its last checkpoint. From then on a write with an
   * older epoch of that partition fails with `PARTITION_LOST` and changes nothing.
   */
  claim(topic: string, partition: number, epoch: number): Promise<Checkpoint | null>
  /**
   * Resolves when all rows are durable, and the checkpoints with them if that is what the table does. Rows may come from
   * several partitions, each with its checkpoint; rows of one key apply in order. Where rows and checkpoints are no single
   * write, another may begin before this one has resolved: versions keep the order.
   * @throws RowsRejected if some rows can never be written: no checkpoint was stored; leave those rows out and
   *   write the rest again. `PARTITION_LOST` if one of the partitions has a newer owner. Other errors say whether to try later (`STORAGE_FULL`, …) and whether the outcome is unknown;
   *   writing the same again is safe in every case.
   */
  write(rows: readonly Row[], ...checkpoints: readonly Checkpoint[]): Promise<void>
  close(): Promise<void>
}

export interface Row {
  /** The table's columns in their order; for a delete only those of the primary key are read. */
  readonly values: readonly unknown[]
  /** Microseconds since 1970, strictly increasing along a partition. */
  readonly version: number
  readonly deleted?: boolean
}

export interface Checkpoint {
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  /** The offset to go on from. */
  readonly next: number
  /** The version given to the last record before `next`. */
  readonly version: number
}

/** Some rows can never be stored: too large, or of a type the table cannot hold. */
export class RowsRejected extends Error {
  readonly rows: readonly { readonly index: number; readonly error: MillraceError }[]

  constructor(rows: readonly { readonly index: number; readonly error: MillraceError }[]) {
    super(`${rows.length} rows rejected: ${rows[0]?.error.message}`)
    this.name = 'RowsRejected'
    this.rows = rows
  }
}

/** What the plan, the console and the command line need. Read-only but for `create` and `addColumns`. */
export interface TableAdmin {
  /** What is there now; null if nothing. A store that cannot tell two types apart reports the planned one. */
  describe(table: Pick<TablePlan, 'keyspace' | 'name'>): Promise<TableDescription | null>
  create(table: TablePlan): Promise<void>
  /** New columns must be nullable: the rows already there have no value for them. */
  addColumns(table: TablePlan, columns: readonly ColumnPlan[]): Promise<void>
  tables(page?: PageRequest): Promise<Page<TableDescription>>
  rows(table: Pick<TablePlan, 'keyspace' | 'name'>, request?: RowsRequest): Promise<Page<StoredRow>>
  /** Exact where the store can count fast enough. */
  count(table: Pick<TablePlan, 'keyspace' | 'name'>): Promise<{ readonly rows: number; readonly exact: boolean }>
  checkpoints(table: Pick<TablePlan, 'keyspace' | 'name'>, stage: string): Promise<readonly Checkpoint[]>
  /** One read-only statement in the store's language. @throws MillraceError `QUERY_INVALID`. */
  query(statement: string, options: QueryOptions): Promise<QueryResult>
}

export interface TableDescription {
  readonly keyspace: string
  readonly name: string
  readonly columns: readonly ColumnPlan[]
  readonly primaryKey: readonly string[]
  readonly appendOnly: boolean
}

export interface RowsRequest extends PageRequest {
  /** Values of the primary key, in its order. */
  readonly key?: readonly unknown[]
  /** Default `stored`: whatever is cheapest to page through. */
  readonly order?: 'stored' | 'newest'
}

export type StoredRow = { readonly [column: string]: unknown }

export interface QueryOptions {
  /** Rows at most. */
  readonly limit: number
  readonly signal?: AbortSignal
}

export interface QueryResult {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  /** Whether `limit` cut the result. */
  readonly truncated: boolean
}
