import { describe, expect, it } from 'vitest'
import type { TablePlan } from '../../../../src/plan/plan.ts'
import type { RowsRequest, TableStore } from '../../../../src/ports/table.ts'
import { checkpointAt, createUsers, openTables, users } from './tables.ts'
import { text, usersPlan } from './users-plan.ts'

async function idsByPage(store: TableStore, request: RowsRequest): Promise<unknown[][]> {
  const pages: unknown[][] = []
  for (let after: string | null | undefined; after !== null; ) {
    const page = await store.admin.rows(usersPlan, after === undefined ? request : { ...request, after })
    pages.push(page.items.map(row => row.id))
    after = page.next
  }
  return pages
}

describe('creating', () => {
  it.each([
    ['NAME_DUPLICATE', [text('id', false), text('name'), text('NAME')]],
    ['NAME_INVALID', [text('id', false), text('a"; DROP TABLE x; --')]],
    ['NAME_INVALID', [text('id', false), text('$version')]],
    [
      'PLAN_UNSUPPORTED',
      [text('id', false), { name: 'tags', type: { kind: 'array', of: { kind: 'text' } }, nullable: true }],
    ],
  ] as const)('is refused with %s before anything is made', async (code, columns) => {
    const { admin } = openTables()
    const plan: TablePlan = { ...usersPlan, columns }
    await expect(admin.create(plan)).rejects.toMatchObject({ code })
    expect(await admin.describe(plan)).toBeNull()
  })

  it('takes columns with names that SQL or SQLite use themselves', async () => {
    const columns = ['id', 'rowid', 'oid', '_rowid_', 'select', 'order', 'excluded', 'column1', 'd'].map(name =>
      text(name),
    )
    const plan: TablePlan = { ...usersPlan, columns: columns.map(each => ({ ...each, nullable: each.name !== 'id' })) }
    const store = openTables()
    const table = await createUsers(store, plan)
    const row = (version: number) => ({ values: columns.map(({ name }) => `${name} ${version}`).with(0, 'a'), version })
    await table.write(
      Array.from({ length: 9 }, (_, i) => row(i + 1)),
      checkpointAt(9),
    )
    const { items } = await store.admin.rows(plan)
    expect(items).toEqual([Object.fromEntries(columns.map(({ name }) => [name, name === 'id' ? 'a' : `${name} 9`]))])
  })
})

describe('adding columns', () => {
  it('shows them to those who had the file open before', async () => {
    const store = openTables()
    const table = await createUsers(store)
    await table.write(users(1), checkpointAt(1))
    const born = text('born')
    await store.admin.addColumns({ ...usersPlan, columns: [...usersPlan.columns, born] }, [born])
    expect((await store.admin.query('SELECT * FROM spark_streams.created_users', { limit: 1 })).columns).toEqual([
      'id',
      'first_name',
      'email',
      'born',
    ])
    await expect(store.open(usersPlan, 'users/spark_stream')).rejects.toThrow('column born is not in the plan')
  })
})

describe('rows', () => {
  it('are paged in the order they were stored, or the reverse', async () => {
    const store = openTables()
    const table = await createUsers(store)
    for (let i = 0; i < 5; i++) await table.write(users(1, i), checkpointAt(i + 1))
    expect(await idsByPage(store, { limit: 2 })).toEqual([['id-0', 'id-1'], ['id-2', 'id-3'], ['id-4']])
    expect(await idsByPage(store, { limit: 3, order: 'newest' })).toEqual([
      ['id-4', 'id-3', 'id-2'],
      ['id-1', 'id-0'],
    ])
  })

  it('stored while someone pages neither repeat nor hide others', async () => {
    const store = openTables()
    const table = await createUsers(store)
    await table.write(users(4), checkpointAt(4))
    const first = await store.admin.rows(usersPlan, { limit: 2, order: 'newest' })
    await table.write(users(4, 4), checkpointAt(8))
    const second = await store.admin.rows(usersPlan, { limit: 2, order: 'newest', after: first.next! })
    expect([...first.items, ...second.items].map(row => row.id)).toEqual(['id-3', 'id-2', 'id-1', 'id-0'])
  })

  it('are at most 1,000 a page', async () => {
    const store = openTables()
    await (await createUsers(store)).write(users(1001), checkpointAt(1001))
    expect((await store.admin.rows(usersPlan, { limit: 5000 })).items).toHaveLength(1000)
  })

  it.each(['x', '-1', '1e3', '99999999999999999999'])('are not paged from %j, which is no token', async after => {
    const store = openTables()
    await createUsers(store)
    await expect(store.admin.rows(usersPlan, { after })).rejects.toMatchObject({ code: 'CURSOR_INVALID' })
  })

  it('are not looked for by a key of another shape', async () => {
    const store = openTables()
    await createUsers(store)
    for (const key of [[], ['a', 'b'], [5]]) {
      await expect(store.admin.rows(usersPlan, { key })).rejects.toMatchObject({ code: 'TYPE_MISMATCH' })
    }
  })
})

it('tables are listed over all keyspaces, page by page', async () => {
  const { admin } = openTables()
  for (const [keyspace, name] of [
    ['b', 'y'],
    ['a', 'z'],
    ['b', 'x'],
    ['a_b', 'x'],
  ] as const) {
    await admin.create({ ...usersPlan, keyspace, name })
  }
  const first = await admin.tables({ limit: 3 })
  const second = await admin.tables({ limit: 3, after: first.next! })
  expect([first, second].map(page => page.items.map(each => `${each.keyspace}.${each.name}`))).toEqual([
    ['a.z', 'a_b.x', 'b.x'],
    ['b.y'],
  ])
  expect(second.next).toBeNull()
})
