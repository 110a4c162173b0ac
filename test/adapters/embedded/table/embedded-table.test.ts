import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EmbeddedTable } from '../../../../src/adapters/embedded/table/embedded-table.ts'
import { openKeyspace } from '../../../../src/adapters/embedded/table/keyspace.ts'
import { openEmbeddedTables } from '../../../../src/adapters/embedded/table/table-store.ts'
import type { TablePlan } from '../../../../src/plan/plan.ts'
import { temporaryDirectory } from '../../../support.ts'
import { checkpointAt, createUsers, openTables, user, users } from './tables.ts'
import { text, usersPlan } from './users-plan.ts'

describe('a full disk', () => {
  async function tableOnSmallDisk() {
    const directory = temporaryDirectory()
    await createUsers(openTables({ directory }))
    const keyspace = openKeyspace(directory, usersPlan.keyspace)
    onTestFinished(() => keyspace.database.close())
    const plan = usersPlan
    const table = new EmbeddedTable({ keyspace, plan, stage: 'users/spark_stream', maxRowBytes: 1_000_000 })
    const pages = Number(keyspace.database.prepare('PRAGMA page_count').get()!.page_count)
    const growBy = (more: number) => keyspace.database.exec(`PRAGMA max_page_count = ${pages + more}`)
    return { table, growBy, admin: openTables({ directory }).admin }
  }

  it('is an error to try again later, and neither rows nor checkpoint are stored', async () => {
    const { table, growBy, admin } = await tableOnSmallDisk()
    growBy(2)
    await table.write(users(10), checkpointAt(10))
    const failure = table.write([...users(10_000, 10), user('id-0', 'changed', 99_999)], checkpointAt(10_010))
    await expect(failure).rejects.toMatchObject({ code: 'STORAGE_FULL', retry: 'later', outcome: 'failed' })
    expect(await admin.count(usersPlan)).toEqual({ rows: 10, exact: true })
    expect(await admin.checkpoints(usersPlan, 'users/spark_stream')).toEqual([checkpointAt(10)])
    expect((await admin.rows(usersPlan, { key: ['id-0'] })).items[0]?.first_name).toBe('Ada')
  })

  it('does no harm once there is space again', async () => {
    const { table, growBy, admin } = await tableOnSmallDisk()
    growBy(2)
    await expect(table.write(users(10_000), checkpointAt(10_000))).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    growBy(10_000)
    await table.write(users(10_000), checkpointAt(10_000))
    expect(await admin.count(usersPlan)).toEqual({ rows: 10_000, exact: true })
    expect(await admin.checkpoints(usersPlan, 'users/spark_stream')).toEqual([checkpointAt(10_000)])
  })
})

describe('rows', () => {
  it('of a batch with rejected ones are not stored, whatever the number of columns and rows', async () => {
    const store = openTables({ maxRowBytes: 40 })
    const table = await createUsers(store)
    const batch = users(100).map((row, i) =>
      i % 33 === 5 ? { ...row, values: [row.values[0], 'é'.repeat(20), 'x'] } : row,
    )
    await expect(table.write(batch, checkpointAt(100))).rejects.toMatchObject({
      rows: [{ index: 5 }, { index: 38 }, { index: 71 }],
    })
    expect(await store.admin.count(usersPlan)).toEqual({ rows: 0, exact: true })
    expect(await store.admin.checkpoints(usersPlan, 'users/spark_stream')).toEqual([])
  })

  it('at the size limit are stored, those a byte over it are rejected with both sizes', async () => {
    const store = openTables({ maxRowBytes: 40 })
    const table = await createUsers(store)
    const fits = { values: ['id', 'é'.repeat(19), null], version: 1 }
    await table.write([fits], checkpointAt(1))
    const over = { values: ['idx', 'é'.repeat(19), null], version: 2 }
    await expect(table.write([over], checkpointAt(2))).rejects.toThrow('41 bytes of text; the limit is 40')
  })

  it.each([
    ['int', 2 ** 31],
    ['int', 0.5],
    ['long', 2 ** 53],
    ['double', Number.NaN],
    ['double', '1'],
    ['boolean', 1],
    ['timestamp', '2026-01-01'],
    ['timestamp', new Date(Number.NaN)],
    ['text', 5],
  ] as const)('are rejected where a column of type %s is given %s', async (kind, value) => {
    const plan: TablePlan = {
      ...usersPlan,
      columns: [text('id', false), { name: 'v', type: { kind }, nullable: true }],
    }
    const table = await createUsers(openTables(), plan)
    await expect(table.write([{ values: ['a', value], version: 1 }], checkpointAt(1))).rejects.toMatchObject({
      rows: [{ index: 0, error: { code: 'RECORD_REJECTED', place: 'spark_streams.created_users.v' } }],
    })
  })

  it('without a value in a column that takes no null are rejected', async () => {
    const plan = { ...usersPlan, columns: [text('id', false), text('first_name', false)] }
    const table = await createUsers(openTables(), plan)
    const write = table.write([{ values: ['a', null], version: 1 }], checkpointAt(1))
    await expect(write).rejects.toThrow('Column first_name takes text; the row has null.')
  })

  it('of tables with hundreds of columns are stored', async () => {
    const columns = [text('id', false), ...Array.from({ length: 900 }, (_, i) => text(`c${i}`))]
    const plan = { ...usersPlan, columns }
    const store = openTables()
    const table = await createUsers(store, plan)
    const rows = Array.from({ length: 20 }, (_, i) => ({
      values: columns.map(({ name }) => `${name}-${i}`),
      version: 1,
    }))
    await table.write(rows, checkpointAt(20))
    expect((await store.admin.rows(plan, { key: ['id-19'] })).items[0]?.c899).toBe('c899-19')
  })
})

describe('the file of a keyspace', () => {
  it('is not made by looking for tables', async () => {
    const directory = join(temporaryDirectory(), 'tables')
    const store = openTables({ directory })
    expect(await store.admin.describe(usersPlan)).toBeNull()
    expect(await store.admin.tables()).toEqual({ items: [], next: null })
    await expect(store.open(usersPlan, 's')).rejects.toMatchObject({ code: 'TABLE_UNKNOWN' })
    expect(existsSync(directory)).toBe(false)
  })

  it('is refused when a newer version wrote it', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'spark_streams.db')
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 2')
    database.close()
    const opening = openTables({ directory }).admin.create(usersPlan)
    await expect(opening).rejects.toMatchObject({ code: 'STATE_VERSION', place: path })
  })

  it('is refused when it is damaged', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'spark_streams.db'), 'not a database, not a database')
    await expect(openTables({ directory }).admin.describe(usersPlan)).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  })

  it.each(['../evil', 'a b', '1a', 'main', 'Temp', '', 'x'.repeat(49)])('cannot be named %j', async keyspace => {
    const directory = temporaryDirectory()
    const { admin } = openTables({ directory })
    await expect(admin.create({ ...usersPlan, keyspace })).rejects.toMatchObject({ code: 'NAME_INVALID' })
    expect(readdirSync(directory)).toEqual([])
  })

  it('is left without a write-ahead log when the store is closed', async () => {
    const directory = temporaryDirectory()
    const store = openEmbeddedTables({ directory })
    await (await createUsers(store)).write(users(5), checkpointAt(5))
    await store.close()
    expect(readdirSync(directory)).toEqual(['spark_streams.db'])
  })
})

describe('a closed table', () => {
  it('refuses to write', async () => {
    const table = await createUsers(openTables())
    await table.close()
    await expect(table.write([], checkpointAt(1))).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' })
  })
})
