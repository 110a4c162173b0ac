import { describe, expect, it } from 'vitest'
import type { TablePlan } from '../../../src/plan/plan.ts'
import { RowsRejected } from '../../../src/ports/table.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { checkpointAt, configOf, createUsers, execute, openTables, useCassandra, user, usersPlan } from './cluster.ts'

// Less than by default, so that what we send within our own limits meets them.
const engine = useCassandra({ batch_size_fail_threshold: '16KiB', max_mutation_size: '2MiB' })

function planOf(name: string, changes: Partial<TablePlan> = {}): TablePlan {
  return { ...usersPlan, name, ...changes }
}

function shuffled<T>(items: readonly T[], seed: string): readonly T[] {
  const random = seededRandom(seed)
  return items
    .map(item => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** What a client of the test's own reads. */
async function readAll(plan: TablePlan): Promise<{ readonly [id: string]: string }> {
  const { rows } = await execute(engine(), `SELECT id, name FROM ${plan.keyspace}.${plan.name}`)
  return Object.fromEntries(rows.map(row => [String(row.id), row.name]))
}

describe('the table of the seed system, made by others', () => {
  const columns = ['first_name', 'last_name', 'gender', 'address', 'post_code', 'email', 'username', 'dob']
  const all = [...columns, 'registered_date', 'phone', 'picture']
  const plan: TablePlan = {
    keyspace: 'spark_streams',
    name: 'created_users',
    columns: [
      { name: 'id', type: { kind: 'uuid' }, nullable: false },
      ...all.map(name => ({ name, type: { kind: 'text' as const }, nullable: false })),
    ],
    primaryKey: ['id'],
    appendOnly: false,
  }

  it('is taken over as it is, with the rows it has', async () => {
    const old = '0b6f2c1e-8f5a-4b7e-9f64-000000000001'
    await execute(
      engine(),
      "CREATE KEYSPACE spark_streams WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'}",
      `CREATE TABLE spark_streams.created_users (id UUID PRIMARY KEY, ${all.map(name => `${name} TEXT`).join(', ')})`,
      `INSERT INTO spark_streams.created_users (id, first_name) VALUES (${old}, 'Ada')`,
    )
    const store = await openTables(configOf(engine()))
    expect((await store.admin.describe(plan))?.primaryKey).toEqual(['id'])
    await store.admin.create(plan)
    const table = await store.open(plan, 'users/spark_stream')
    const id = '0b6f2c1e-8f5a-4b7e-9f64-000000000002'
    await table.write([{ values: [id, ...all.map(name => `a ${name}`)], version: Date.now() * 1000 }], checkpointAt(1))
    const { rows } = await execute(engine(), 'SELECT id, first_name FROM spark_streams.created_users')
    expect(Object.fromEntries(rows.map(row => [String(row.id), row.first_name]))).toEqual({
      [old]: 'Ada',
      [id]: 'a first_name',
    })
    const { items } = await store.admin.rows(plan, { key: [id] })
    expect(items).toMatchObject([{ id, picture: 'a picture' }])
  })

  it('is refused where it has another type', async () => {
    const store = await openTables(configOf(engine()))
    const other = {
      ...plan,
      columns: [...plan.columns.slice(0, -1), { name: 'picture', type: { kind: 'int' as const }, nullable: true }],
    }
    await expect(store.open(other, 'users/spark_stream')).rejects.toMatchObject({ code: 'PLAN_INCOMPATIBLE' })
  })
})

describe('writes', () => {
  it('leave the newest version of every row, however many writers there are and whatever order they come in', async () => {
    const plan = planOf('racing')
    const [one, other] = [await openTables(configOf(engine())), await openTables(configOf(engine()))]
    const tables = [await createUsers(one, plan), await createUsers(other, plan)]
    const versions = Array.from({ length: 2_000 }, (_, i) => i + 1)
    const rows = shuffled(versions, 'seven').map(version => ({
      ...user(`k${version % 50}`, `v${version}`, version),
      ...(version % 13 === 0 ? { deleted: true } : {}),
    }))
    const parts = Array.from({ length: 40 }, (_, i) => rows.slice(i * 50, (i + 1) * 50))
    // Every part is written twice, by different writers.
    await Promise.all(parts.flatMap((part, i) => [tables[i % 2]!.write(part), tables[(i + 1) % 2]!.write(part)]))
    const expected = Object.fromEntries(
      Array.from({ length: 50 }, (_, k) => {
        const newest = versions.filter(version => version % 50 === k).at(-1)!
        return newest % 13 === 0 ? [] : [[`k${k}`, `v${newest}`]]
      }).flat(),
    )
    expect(await readAll(plan)).toEqual(expected)
  })

  it('go through though their batches are larger than Cassandra takes', async () => {
    const plan = planOf('large')
    const table = await createUsers(await openTables(configOf(engine())), plan)
    // Three bytes a character: 32 rows are 36 KB.
    const rows = Array.from({ length: 320 }, (_, i) => user(`k${i}`, '水'.repeat(375), i + 1))
    await table.write(rows, checkpointAt(320))
    expect(Object.keys(await readAll(plan))).toHaveLength(320)
  })

  it('list a row that only Cassandra finds too large, and let the others through without it', async () => {
    const plan = planOf('refused')
    const store = await openTables({ ...configOf(engine()), limits: { maxRowBytes: '15 MiB' } })
    const table = await createUsers(store, plan)
    const rows = [user('a', 'good', 1), user('b', 'x'.repeat(3 * 1024 * 1024), 2), user('c', 'good', 3)]
    const error = await table.write(rows, checkpointAt(3)).catch(thrown => thrown)
    expect(error).toBeInstanceOf(RowsRejected)
    expect((error as RowsRejected).rows.map(({ index }) => index)).toEqual([1])
    await table.write([rows[0]!, rows[2]!], checkpointAt(3))
    expect(Object.keys(await readAll(plan)).sort()).toEqual(['a', 'c'])
  })

  it('fail, and make no dead letters, once the table is gone', async () => {
    const plan = planOf('dropped')
    const table = await createUsers(await openTables(configOf(engine())), plan)
    await table.write([user('a', 'one', 1)])
    await execute(engine(), `DROP TABLE ${plan.keyspace}.${plan.name}`)
    await expect(table.write([user('a', 'two', 2)])).rejects.toMatchObject({ code: 'TABLE_UNKNOWN' })
  })
})

describe('a large table', () => {
  it('is counted by estimate, within a few percent', async () => {
    const plan = planOf('many')
    const store = await openTables(configOf(engine()))
    const table = await createUsers(store, plan)
    const total = 100_000
    for (let from = 0; from < total; from += 5_000) {
      await table.write(Array.from({ length: 5_000 }, (_, i) => user(`k${from + i}`, 'many', from + i + 1)))
    }
    const { rows, exact } = await store.admin.count(plan)
    expect(exact).toBe(false)
    expect(Math.abs(rows - total)).toBeLessThan(total * 0.05)
  })
})

describe('reading', () => {
  it('refuses a page token that Cassandra did not give', async () => {
    const store = await openTables(configOf(engine()))
    await createUsers(store)
    for (const after of ['', 'page two', 'ffff']) {
      await expect(store.admin.rows(usersPlan, { after })).rejects.toMatchObject({ code: 'CURSOR_INVALID' })
    }
  })

  it('gives Cassandra’s own message for a statement it does not take', async () => {
    const store = await openTables(configOf(engine()))
    await expect(store.admin.query('SELECT nothing FROM users_test.users', { limit: 1 })).rejects.toMatchObject({
      code: 'QUERY_INVALID',
      message: expect.stringContaining('Undefined column name nothing'),
    })
  })
})

describe('a cluster in trouble', () => {
  it('that is stopped is an error to try later, and the same table goes on when it is back', async () => {
    const plan = planOf('restarted')
    const store = await openTables({ ...configOf(engine()), limits: { timeout: '2s' } })
    const table = await createUsers(store, plan)
    await table.write([user('a', 'before', 1)], checkpointAt(1))
    await engine().kill()
    await expect(table.write([user('a', 'during', 2)], checkpointAt(2))).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      retry: 'later',
    })
    const late = await openTables(configOf(engine()))
    await expect(late.open(plan, 'users/sink')).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', retry: 'later' })
    await engine().start()
    await expect
      .poll(
        () =>
          table.write([user('a', 'after', 3)], checkpointAt(3)).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true)
    await late.open(plan, 'users/sink')
    expect(await readAll(plan)).toEqual({ a: 'after' })
  })

  it('that hangs leaves the outcome unknown, and what it does later does not win', async () => {
    const plan = planOf('hanging')
    const store = await openTables({ ...configOf(engine()), limits: { timeout: '2s', tries: 2 } })
    const table = await createUsers(store, plan)
    engine().signal('SIGSTOP')
    await expect(table.write([user('a', 'first', 1)], checkpointAt(1))).rejects.toMatchObject({
      code: 'DATABASE_TIMEOUT',
      retry: 'later',
      outcome: 'unknown',
    })
    engine().signal('SIGCONT')
    await expect
      .poll(
        () =>
          table.write([user('a', 'second', 2)], checkpointAt(2)).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true)
    await table.write([user('a', 'first', 1)], checkpointAt(2))
    expect(await readAll(plan)).toEqual({ a: 'second' })
  })
})
