import { equal, ok } from 'node:assert/strict'
import type { ColumnPlan, TablePlan } from '../../plan/plan.ts'
import type { Checkpoint, Row, StoredRow, Table, TableStore } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { ConformanceCase } from '../conformance.ts'

/** A database for one check, empty at first. */
export interface TableFixture {
  readonly store: TableStore
  /** A keyspace that no other check uses. */
  readonly keyspace: string
  /** The `query` text that gives every row of a table. */
  readonly selectAll: (table: TablePlan) => string
  /** A `query` text that would change something. */
  readonly changing: (table: TablePlan) => string
  /** A text too large for any row; null if only memory limits them. */
  readonly tooLarge: string | null
  /** The same database opened anew, as after a restart; `store` is closed by then. */
  readonly reopen: () => Promise<TableStore>
  readonly dispose: () => Promise<void>
}

/** States a rule; its check gets a fixture of its own. */
export type Rule = (text: string, check: (fixture: TableFixture) => Promise<void>) => ConformanceCase

export function column(name: string, type: ColumnPlan['type'], nullable = true): ColumnPlan {
  return { name, type, nullable }
}

export function usersPlan(keyspace: string): TablePlan {
  return {
    keyspace,
    name: 'created_users',
    columns: [
      column('id', { kind: 'text' }, false),
      column('name', { kind: 'text' }),
      column('email', { kind: 'text' }),
    ],
    primaryKey: ['id'],
    appendOnly: false,
  }
}

export async function users(fixture: TableFixture, options: { appendOnly?: boolean } = {}) {
  const plan = { ...usersPlan(fixture.keyspace), ...options }
  const table = await openNew(fixture.store, plan)
  return { plan, table, rows: () => allRows(fixture.store, plan) }
}

/** Creates the table unless it is there, opens it and claims partition 0 of `users` for epoch 1. */
export async function openNew(store: TableStore, plan: TablePlan): Promise<Table> {
  await store.admin.create(plan)
  const table = await store.open(plan, 'users/sink')
  await table.claim('users', 0, 1)
  return table
}

export function user(id: string, name: string, version: number): Row {
  return { values: [id, name, `${name}@x`], version }
}

export function deleted(id: string, version: number): Row {
  return { values: [id, null, null], version, deleted: true }
}

export function checkpointAt(next: number): Checkpoint {
  return { topic: 'users', partition: 0, epoch: 1, next, version: 1_000 + next }
}

/** Ten rows a write, with the keys `k0`, `k1`, … */
export async function writeMany(table: Table, writes: number): Promise<void> {
  for (let i = 0; i < writes; i++) {
    const rows = Array.from({ length: 10 }, (_, j) => user(`k${i * 10 + j}`, 'many', i * 10 + j + 1))
    await table.write(rows, checkpointAt((i + 1) * 10))
  }
}

/** In the order of `id`, where there is one. */
export async function allRows(store: TableStore, plan: TablePlan): Promise<StoredRow[]> {
  const { items, next } = await store.admin.rows(plan, { limit: 1000 })
  equal(next, null)
  return items.map(asPlain).sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
}

export function asPlain(row: StoredRow): StoredRow {
  return { ...row }
}

export function idOf(row: StoredRow): unknown {
  return row.id
}

export async function rejected(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    error => error,
  )
}

export async function rejectsWith(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await rejected(promise)
  ok(error instanceof MillraceError, `expected ${code}, got ${error}`)
  equal(error.code, code)
}
