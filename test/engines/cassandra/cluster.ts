import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import cassandra, { type types } from 'cassandra-driver'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { type CassandraTablesOptions, openCassandraTables } from '../../../src/adapters/cassandra/table-store.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import type { TablePlan } from '../../../src/plan/plan.ts'
import type { Checkpoint, Row, TableStore } from '../../../src/ports/table.ts'
import type { CassandraConfig } from '../../../src/sdk/targets/cassandra.ts'
import { type RunningEngine, type StartEngineOptions, startEngine } from '../../../src/stack/start-engine.ts'

/** A Cassandra for the tests of one file, which is gone after them. */
export function useCassandra(settings: NonNullable<StartEngineOptions['settings']> = {}): () => RunningEngine {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-cassandra-'))
  let engine: RunningEngine | undefined
  beforeAll(async () => {
    engine = await startEngine('cassandra', { directory, settings })
  })
  afterAll(async () => {
    await engine?.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  return () => engine!
}

export function configOf(engine: RunningEngine): CassandraConfig {
  return { adapter: 'cassandra', contactPoints: [engine.address], localDataCenter: 'datacenter1' }
}

export const options: CassandraTablesOptions = { clock: systemClock, random: systemRandom, env: {}, directory: '.' }

/** A store that is closed when the test is over. */
export async function openTables(
  config: CassandraConfig,
  more: Partial<CassandraTablesOptions> = {},
): Promise<TableStore> {
  const store = await openCassandraTables(config, { ...options, ...more })
  onTestFinished(() => store.close())
  return store
}

export const usersPlan: TablePlan = {
  keyspace: 'users_test',
  name: 'users',
  columns: [
    { name: 'id', type: { kind: 'text' }, nullable: false },
    { name: 'name', type: { kind: 'text' }, nullable: true },
  ],
  primaryKey: ['id'],
  appendOnly: false,
}

export async function createUsers(store: TableStore, plan: TablePlan = usersPlan) {
  await store.admin.create(plan)
  const table = await store.open(plan, 'users/sink')
  await table.claim('users', 0, 1)
  return table
}

export function user(id: string, name: string, version: number): Row {
  return { values: [id, name], version }
}

export function checkpointAt(next: number, epoch = 1): Checkpoint {
  return { topic: 'users', partition: 0, epoch, next, version: next }
}

/** What the adapter cannot do, and must not: any statement, with a client of the test's own. */
export async function execute(engine: RunningEngine, ...statements: readonly string[]): Promise<types.ResultSet> {
  const client = new cassandra.Client({ contactPoints: [engine.address], localDataCenter: 'datacenter1' })
  try {
    let result: types.ResultSet | undefined
    for (const statement of statements) result = await client.execute(statement)
    return result!
  } finally {
    await client.shutdown()
  }
}

export async function dropKeyspace(engine: RunningEngine, keyspace: string): Promise<void> {
  await execute(engine, `DROP KEYSPACE IF EXISTS ${keyspace}`)
}
