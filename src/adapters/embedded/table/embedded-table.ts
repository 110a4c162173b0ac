import type { StatementSync } from 'node:sqlite'
import type { TablePlan } from '../../../plan/plan.ts'
import { tableId } from '../../../plan/plan.ts'
import { type Checkpoint, type Row, RowsRejected, type Table } from '../../../ports/table.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { transaction } from '../database.ts'
import { CheckpointStore } from './checkpoints.ts'
import type { StoredValue } from './columns.ts'
import type { Keyspace } from './keyspace.ts'
import { compareKeys, type EncodedRow, RowEncoder } from './row-encoder.ts'
import { deleteRowStatement, rememberDeletedStatement, upsertStatement } from './statements.ts'

/** Rows a statement: measured; fewer cost more calls, more cost SQLite more. */
const rowsPerStatement = 8

export interface EmbeddedTableOptions {
  readonly keyspace: Keyspace
  readonly plan: TablePlan
  readonly stage: string
  readonly maxRowBytes: number
}

/** A table's rows and its stage's checkpoint, written in one transaction. */
export class EmbeddedTable implements Table {
  readonly #keyspace: Keyspace
  readonly #id: string
  readonly #checkpoints: CheckpointStore
  readonly #encoder: RowEncoder
  readonly #upsert: StatementSync
  readonly #upsertMany: StatementSync
  readonly #deleteRow: StatementSync
  readonly #rememberDeleted: StatementSync
  #closed = false

  constructor({ keyspace, plan, stage, maxRowBytes }: EmbeddedTableOptions) {
    const { database } = keyspace
    const columns = plan.columns.map(column => column.name)
    this.#keyspace = keyspace
    this.#id = tableId(plan)
    this.#checkpoints = new CheckpointStore(keyspace, plan.name, stage)
    this.#encoder = new RowEncoder(plan, maxRowBytes)
    this.#upsert = database.prepare(upsertStatement(plan, columns, 1))
    this.#upsertMany = database.prepare(upsertStatement(plan, columns, rowsPerStatement))
    this.#deleteRow = database.prepare(deleteRowStatement(plan))
    this.#rememberDeleted = database.prepare(rememberDeletedStatement(plan))
  }

  async claim(topic: string, partition: number, epoch: number): Promise<Checkpoint | null> {
    this.#refuseIfClosed()
    return this.#checkpoints.claim(topic, partition, epoch)
  }

  async write(rows: readonly Row[], ...checkpoints: readonly Checkpoint[]): Promise<void> {
    this.#refuseIfClosed()
    const encoded = this.#encode(rows)
    // Neighbours in the index are then written one after the other. The sort is stable: rows of one key keep their order.
    encoded.sort(compareKeys)
    transaction(this.#keyspace.database, this.#keyspace.path, () => {
      for (const checkpoint of checkpoints) this.#checkpoints.store(checkpoint)
      this.#store(encoded)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #encode(rows: readonly Row[]): EncodedRow[] {
    const encoded: EncodedRow[] = []
    const rejected: { index: number; error: MillraceError }[] = []
    for (let index = 0; index < rows.length; index++) {
      const row = this.#encoder.encode(rows[index]!)
      if (row instanceof MillraceError) rejected.push({ index, error: row })
      else encoded.push(row)
    }
    if (rejected.length > 0) throw new RowsRejected(rejected)
    return encoded
  }

  #store(rows: readonly EncodedRow[]): void {
    for (let at = 0; at < rows.length; ) {
      const row = rows[at]!
      if (row.deleted) {
        this.#deleteRow.run(...row.values)
        this.#rememberDeleted.run(...row.values)
        at += 1
      } else if (isRunOfUpserts(rows, at, rowsPerStatement)) {
        this.#upsertMany.run(...concatenated(rows, at, at + rowsPerStatement))
        at += rowsPerStatement
      } else {
        this.#upsert.run(...row.values)
        at += 1
      }
    }
  }

  #refuseIfClosed(): void {
    if (!this.#closed) return
    throw new MillraceError('INVARIANT_BROKEN', `${this.#id} was used after it was closed.`, { place: this.#id })
  }
}

function isRunOfUpserts(rows: readonly EncodedRow[], from: number, length: number): boolean {
  if (from + length > rows.length) return false
  for (let at = from; at < from + length; at++) if (rows[at]!.deleted) return false
  return true
}

/** The values of several rows in one array; `flatMap` takes three times as long. */
function concatenated(rows: readonly EncodedRow[], from: number, to: number): StoredValue[] {
  const all: StoredValue[] = []
  for (let at = from; at < to; at++) {
    for (const value of rows[at]!.values) all.push(value)
  }
  return all
}
