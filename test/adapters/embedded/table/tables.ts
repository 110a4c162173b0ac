import { onTestFinished } from 'vitest'
import { type EmbeddedTablesOptions, openEmbeddedTables } from '../../../../src/adapters/embedded/table/table-store.ts'
import type { TablePlan } from '../../../../src/plan/plan.ts'
import type { Checkpoint, Row, TableStore } from '../../../../src/ports/table.ts'
import { temporaryDirectory } from '../../../support.ts'
import { usersPlan } from './users-plan.ts'

/** A store that is closed when the test is over. */
export function openTables(options: Partial<EmbeddedTablesOptions> = {}): TableStore {
  const store = openEmbeddedTables({ directory: temporaryDirectory(), ...options })
  onTestFinished(() => store.close())
  return store
}

export async function createUsers(store: TableStore, plan: TablePlan = usersPlan) {
  await store.admin.create(plan)
  const table = await store.open(plan, 'users/spark_stream')
  await table.claim('users_created', 0, 1)
  return table
}

export function user(id: string, name: string, version: number): Row {
  return { values: [id, name, `${name}@example.com`], version }
}

export function users(count: number, from = 0): Row[] {
  return Array.from({ length: count }, (_, i) => user(`id-${from + i}`, 'Ada', from + i + 1))
}

export function checkpointAt(next: number, epoch = 1): Checkpoint {
  return { topic: 'users_created', partition: 0, epoch, next, version: next }
}
