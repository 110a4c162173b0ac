import { deepEqual, equal, ok } from 'node:assert/strict'
import type { ConformanceCase } from '../conformance.ts'
import { allRows, checkpointAt, column, openNew, type Rule, rejectsWith, user, users, usersPlan } from './table-test.ts'

/** Tables as they are created, described and extended. */
export function describing(rule: Rule): readonly ConformanceCase[] {
  return [
    rule('what is created is described as planned, and creating it again changes nothing', async fixture => {
      const plan = usersPlan(fixture.keyspace)
      const { admin } = fixture.store
      equal(await admin.describe(plan), null)
      await admin.create(plan)
      deepEqual(await admin.describe(plan), plan)
      const table = await openNew(fixture.store, plan)
      await table.write([user('a', 'one', 1)], checkpointAt(1))
      await admin.create(plan)
      deepEqual(await admin.describe(plan), plan)
      equal((await admin.count(plan)).rows, 1)
      await table.close()
    }),

    rule('columns that take null can be added beside rows that are there, again without effect', async fixture => {
      const { table, plan } = await users(fixture)
      const { admin } = fixture.store
      await table.write([user('a', 'one', 1)], checkpointAt(1))
      await table.close()
      const added = [column('born', { kind: 'timestamp' }), column('visits', { kind: 'long' })]
      const wider = { ...plan, columns: [...plan.columns, ...added] }
      await admin.addColumns(wider, added)
      await admin.addColumns(wider, added)
      deepEqual(await admin.describe(plan), wider)
      const born = new Date('1990-01-01T00:00:00.000Z')
      const again = await openNew(fixture.store, wider)
      await again.write([{ values: ['b', 'two', null, born, 7], version: 2 }], checkpointAt(2))
      deepEqual(await allRows(fixture.store, plan), [
        { id: 'a', name: 'one', email: 'one@x', born: null, visits: null },
        { id: 'b', name: 'two', email: null, born, visits: 7 },
      ])
      await again.close()
    }),

    rule(
      'a table that is missing or differs from the plan is refused, and no step changes what is there',
      async fixture => {
        const plan = usersPlan(fixture.keyspace)
        const { store } = fixture
        await rejectsWith(store.open(plan, 'users/sink'), 'TABLE_UNKNOWN')
        await rejectsWith(store.admin.rows(plan), 'TABLE_UNKNOWN')
        await rejectsWith(store.admin.count(plan), 'TABLE_UNKNOWN')
        await store.admin.create(plan)
        const wider = { ...plan, columns: [...plan.columns, column('more', { kind: 'text' })] }
        const retyped = { ...plan, columns: [plan.columns[0]!, column('name', { kind: 'long' }), plan.columns[2]!] }
        const rekeyed = { ...plan, primaryKey: ['id', 'name'] }
        for (const other of [wider, retyped, rekeyed]) {
          await rejectsWith(store.open(other, 'users/sink'), 'PLAN_INCOMPATIBLE')
          await rejectsWith(store.admin.create(other), 'PLAN_INCOMPATIBLE')
        }
        await rejectsWith(store.admin.addColumns(retyped, [retyped.columns[1]!]), 'PLAN_INCOMPATIBLE')
        const needed = column('needed', { kind: 'text' }, false)
        await rejectsWith(store.admin.addColumns(plan, [needed]), 'PLAN_INCOMPATIBLE')
        deepEqual(await store.admin.describe(plan), plan)
      },
    ),

    rule('paging through tables gives each of them once', async fixture => {
      const { admin } = fixture.store
      const names = ['c', 'a', 'e', 'b', 'd']
      for (const name of names) await admin.create({ ...usersPlan(fixture.keyspace), name })
      const seen: string[] = []
      for (let after: string | null | undefined; after !== null; ) {
        const page = await admin.tables(after === undefined ? { limit: 2 } : { after, limit: 2 })
        ok(page.items.length <= 2)
        seen.push(...page.items.filter(each => each.keyspace === fixture.keyspace).map(each => each.name))
        after = page.next
      }
      deepEqual(seen.sort(), names.sort())
    }),
  ]
}
