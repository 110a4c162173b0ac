import { expect, it } from 'vitest'
import type { TableAdmin } from '../../../../src/ports/table.ts'
import { temporaryDirectory } from '../../../support.ts'
import { Program } from '../log/processes.ts'
import { checkpointAt, createUsers, openTables, users } from './tables.ts'
import { usersPlan } from './users-plan.ts'

const program = (file: string, directory: string) => new Program(new URL(file, import.meta.url).href, directory)

/** Rows and checkpoint as one statement sees them. */
async function rowsAndCheckpoint(admin: TableAdmin): Promise<readonly unknown[]> {
  const statement = `
    SELECT (SELECT count(*) FROM spark_streams.created_users),
           coalesce((SELECT next FROM spark_streams."$checkpoints"), 0)`
  const { rows } = await admin.query(statement, { limit: 1 })
  return rows[0]!
}

it('several processes that create the same tables at once all succeed', async () => {
  const directory = temporaryDirectory()
  const programs = Array.from({ length: 4 }, () => program('./creator.ts', directory))
  for (const each of programs) expect(await each.line()).toBe('created')
  const { items } = await openTables({ directory }).admin.tables()
  expect(items).toEqual(items.map(({ keyspace }) => ({ ...usersPlan, keyspace })))
  expect(items).toHaveLength(40)
})

it('readers in another process always see the rows of exactly the checkpoint they see (G3)', async () => {
  const directory = temporaryDirectory()
  const store = openTables({ directory })
  await store.admin.create(usersPlan)
  const writer = program('./writer.ts', directory)
  let written = 0
  while (written < 1_000) {
    written = Number(await writer.line())
    const [rows, next] = await rowsAndCheckpoint(store.admin)
    expect(rows).toBe(next)
    expect(next).toBeGreaterThanOrEqual(written)
  }
})

it('a writer killed with SIGKILL leaves the rows of its last checkpoint, and the next one goes on from there (G1, G3)', async () => {
  const directory = temporaryDirectory()
  const store = openTables({ directory })
  await store.admin.create(usersPlan)
  let reported = 0
  for (const lines of [3, 17, 40]) {
    const writer = program('./writer.ts', directory)
    for (let i = 0; i < lines; i++) reported = Number(await writer.line())
    await writer.kill()
    const [rows, next] = await rowsAndCheckpoint(store.admin)
    expect(rows).toBe(next)
    expect(next).toBeGreaterThanOrEqual(reported)
  }
})

it('two writers of one keyspace take turns', async () => {
  const directory = temporaryDirectory()
  const store = openTables({ directory })
  await store.admin.create(usersPlan)
  const other = { ...usersPlan, name: 'other_users' }
  const table = await createUsers(store, other)
  const writer = program('./writer.ts', directory)
  for (let i = 0; i < 30; i++) {
    await table.write(users(10, i * 10), checkpointAt(i * 10 + 10))
    await writer.line()
  }
  expect((await store.admin.count(other)).rows).toBe(300)
  expect((await store.admin.count(usersPlan)).rows).toBeGreaterThanOrEqual(300)
})
