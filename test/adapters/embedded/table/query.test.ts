import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../../../src/testing/virtual-clock.ts'
import { temporaryDirectory } from '../../../support.ts'
import { checkpointAt, createUsers, openTables, users } from './tables.ts'
import { text, usersPlan } from './users-plan.ts'

async function filled(count = 3) {
  const directory = temporaryDirectory()
  const store = openTables({ directory })
  const table = await createUsers(store)
  await table.write(users(count), checkpointAt(count))
  const query = (statement: string, limit = 100) => store.admin.query(statement, { limit })
  return { store, table, query, directory }
}

const endless = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n'

describe('a query', () => {
  it('sees exactly the declared columns', async () => {
    const { query } = await filled(1)
    expect(await query('SELECT * FROM spark_streams.created_users')).toEqual({
      columns: ['id', 'first_name', 'email'],
      rows: [['id-0', 'Ada', 'Ada@example.com']],
      truncated: false,
    })
  })

  it('does not see deleted rows', async () => {
    const { query, table } = await filled(2)
    await table.write([{ values: ['id-0', null, null], version: 10, deleted: true }], checkpointAt(3))
    expect((await query('SELECT id FROM spark_streams.created_users')).rows).toEqual([['id-1']])
    expect((await query('SELECT count(*) FROM spark_streams.created_users')).rows).toEqual([[1]])
  })

  it('finds a row by its key through the index, and counts from the index alone', async () => {
    const { query } = await filled()
    const byKey = await query("EXPLAIN QUERY PLAN SELECT * FROM spark_streams.created_users WHERE id = 'id-1'")
    expect(byKey.rows.flat()).toContain('SEARCH created_users$rows USING INDEX created_users$key (id=?)')
    const count = await query('EXPLAIN QUERY PLAN SELECT count(*) FROM spark_streams.created_users')
    expect(count.rows.flat()).toContain('SCAN created_users$rows USING COVERING INDEX created_users$key')
  })

  it('joins tables of several keyspaces', async () => {
    const { query, store } = await filled(2)
    await createUsers(store, { ...usersPlan, keyspace: 'archive', name: 'old_users' })
    const sql = 'SELECT count(*) FROM spark_streams.created_users LEFT JOIN archive.old_users USING (id)'
    expect((await query(sql)).rows).toEqual([[2]])
  })

  it('keeps whole numbers exact beyond what a JavaScript number holds', async () => {
    const { query } = await filled()
    const { rows } = await query('SELECT 9007199254740993, -9007199254740993, 9007199254740991, 1.5, NULL')
    expect(rows).toEqual([['9007199254740993', '-9007199254740993', 9007199254740991, 1.5, null]])
  })

  it('may end in a semicolon and comments', async () => {
    const { query } = await filled()
    expect((await query('SELECT 1; -- one\n /* two; */ ;')).rows).toEqual([[1]])
  })

  it('is one statement', async () => {
    const { query } = await filled()
    await expect(query('SELECT 1; SELECT 2')).rejects.toThrow('There is more than one statement.')
  })

  it.each([
    'DELETE FROM spark_streams.created_users',
    'DELETE FROM spark_streams."created_users$rows"',
    "UPDATE spark_streams.created_users SET email = ''",
    "INSERT INTO spark_streams.created_users VALUES ('x', 'y', 'z')",
    'DROP VIEW spark_streams.created_users',
    'CREATE TABLE spark_streams.mine (a)',
    'CREATE TEMP TABLE mine (a)',
    'PRAGMA spark_streams.user_version = 7',
    "SELECT * FROM pragma_table_info('created_users')",
    "ATTACH '/tmp/other.db' AS other",
    'BEGIN IMMEDIATE',
    'VACUUM',
    'REINDEX',
  ])('that is %s is refused', async statement => {
    const { query, store } = await filled()
    const refused = query(statement)
    await expect(refused).rejects.toMatchObject({ code: 'QUERY_INVALID' })
    await expect(refused).rejects.toThrow('Only statements that read are possible here.')
    expect(await store.admin.count(usersPlan)).toEqual({ rows: 3, exact: true })
  })

  it('that is wrong is refused in the words of SQLite', async () => {
    const { query } = await filled()
    await expect(query('SELEC 1')).rejects.toThrow('near "SELEC": syntax error')
    await expect(query('SELECT nam FROM spark_streams.created_users')).rejects.toThrow('no such column: nam')
  })

  it.each(['spark_streams.created_user', 'created_user', 'spark_stream.created_users'])(
    'of the unknown table %s is told the nearest one',
    async name => {
      const { query } = await filled()
      await expect(query(`SELECT * FROM ${name}`)).rejects.toMatchObject({
        code: 'QUERY_INVALID',
        fix: 'Did you mean spark_streams.created_users?',
      })
    },
  )

  it('before there is any table is told how to get one', async () => {
    const { admin } = openTables()
    await expect(admin.query('SELECT * FROM users', { limit: 1 })).rejects.toMatchObject({
      fix: 'There are no tables yet; create them with `millrace apply`.',
    })
  })

  it('reaches every keyspace by its name, also where SQLite cannot attach them all', async () => {
    const { admin } = openTables()
    const keyspaces = Array.from({ length: 13 }, (_, i) => `keyspace_${String.fromCharCode(97 + i)}`)
    for (const keyspace of keyspaces) await admin.create({ ...usersPlan, keyspace })
    for (const keyspace of keyspaces) {
      expect((await admin.query(`SELECT * FROM ${keyspace}.created_users`, { limit: 1 })).rows).toEqual([])
    }
    const all = keyspaces.map(keyspace => `SELECT id FROM ${keyspace}.created_users`).join(' UNION ALL ')
    await expect(admin.query(all, { limit: 1 })).rejects.toThrow('names 13 keyspaces; 10 are possible')
  })

  it('without an end gives the rows asked for', async () => {
    const { query } = await filled()
    const result = await query(endless, 3)
    expect(result).toEqual({ columns: ['i'], rows: [[1], [2], [3]], truncated: true })
  })

  it('is cut where its result becomes too large to hold', async () => {
    const { query } = await filled()
    const { rows, truncated } = await query(`SELECT hex(zeroblob(4000000)) FROM (${endless})`)
    expect(truncated).toBe(true)
    expect(rows.length).toBe(5)
  })

  it('of one value too large to hold is refused', async () => {
    const { query } = await filled()
    await expect(query('SELECT zeroblob(100000000)')).rejects.toMatchObject({ code: 'QUERY_INVALID' })
  })

  it('is stopped between two rows by its signal', async () => {
    const { store } = await filled()
    const controller = new AbortController()
    const reason = new Error('the reader has gone')
    const running = store.admin.query(endless, { limit: Number.MAX_SAFE_INTEGER, signal: controller.signal })
    setImmediate(() => controller.abort(reason))
    await expect(running).rejects.toBe(reason)
  })

  it('is stopped between two rows by the time limit', async () => {
    const clock = virtualClock()
    let reads = 0
    const slow = { ...clock, elapsed: () => reads++ * 1000 }
    const { admin } = openTables({ clock: slow, queryTimeoutMs: 10_000 })
    await expect(admin.query(endless, { limit: 1_000 })).rejects.toThrow('took longer than 10000 ms')
  })

  it('leaves no connection behind, whether it succeeds or fails', async () => {
    const { query, store, directory } = await filled()
    await query('SELECT * FROM spark_streams.created_users', 1)
    await query('SELECT nothing').catch(() => {})
    await store.close()
    // Only someone who is alone can switch the journal.
    const database = new DatabaseSync(join(directory, 'spark_streams.db'))
    expect(database.prepare('PRAGMA journal_mode = DELETE').get()).toEqual({ journal_mode: 'delete' })
    database.close()
  })
})

it('text with any characters is given back as it was written', async () => {
  const store = openTables()
  const table = await createUsers(store, { ...usersPlan, columns: [text('id', false), text('t')] })
  const texts = ['', "O'Brien; --", '\u0000', '"quoted"', '🌊', 'e\u0301', '\u{10ffff}', 'line\nbreak']
  await table.write(
    texts.map((t, i) => ({ values: [String(i), t], version: 1 })),
    checkpointAt(1),
  )
  const { items } = await store.admin.rows(usersPlan)
  expect(items.map(row => row.t)).toEqual(texts)
})
