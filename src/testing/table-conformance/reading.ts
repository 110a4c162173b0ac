import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import type { TablePlan } from '../../plan/plan.ts'
import type { ConformanceCase } from '../conformance.ts'
import { asPlain, checkpointAt, column, idOf, openNew, type Rule, rejectsWith, users, writeMany } from './table-test.ts'

/** Rows as people read them. */
export function reading(rule: Rule): readonly ConformanceCase[] {
  return [
    rule('a row written is read back as its columns are declared', async fixture => {
      const at = new Date('2026-02-03T04:05:06.789Z')
      const plan: TablePlan = {
        keyspace: fixture.keyspace,
        name: 'typed',
        primaryKey: ['id'],
        appendOnly: false,
        columns: [
          column('id', { kind: 'uuid' }, false),
          column('label', { kind: 'text' }),
          column('active', { kind: 'boolean' }),
          column('small', { kind: 'int' }),
          column('large', { kind: 'long' }),
          column('ratio', { kind: 'double' }),
          column('price', { kind: 'decimal', precision: 10, scale: 2 }),
          column('at', { kind: 'timestamp' }),
          column('colour', { kind: 'enum', name: 'Colour', symbols: ['RED', 'BLUE'] }),
          column('nothing', { kind: 'timestamp' }),
        ],
      }
      const id = '0b6f2c1e-8f5a-4b7e-9f64-1f1f1c2d3e4f'
      const long = Number.MAX_SAFE_INTEGER
      const table = await openNew(fixture.store, plan)
      const values = [id, 'Ærøskøbing 🌊', false, -(2 ** 31), long, 0.1, '12.50', at, 'BLUE', null]
      await table.write([{ values, version: 1 }], checkpointAt(1))
      const page = await fixture.store.admin.rows(plan)
      deepEqual(page.items.map(asPlain), [Object.fromEntries(plan.columns.map((each, i) => [each.name, values[i]]))])
    }),

    rule('paging through rows gives each of them once', async fixture => {
      const { table, plan } = await users(fixture)
      await writeMany(table, 25)
      const { admin } = fixture.store
      const ids: unknown[] = []
      for (let after: string | null | undefined; after !== null; ) {
        const page = await admin.rows(plan, after === undefined ? { limit: 7 } : { after, limit: 7 })
        ok(page.items.length <= 7)
        ids.push(...page.items.map(idOf))
        after = page.next
      }
      equal(ids.length, 250)
      equal(new Set(ids).size, 250)
    }),

    rule('a row is found by its key, and nothing by a key that has none', async fixture => {
      const { table, plan } = await users(fixture)
      await writeMany(table, 3)
      const found = await fixture.store.admin.rows(plan, { key: ['k17'] })
      deepEqual(found.items.map(idOf), ['k17'])
      equal(found.next, null)
      deepEqual((await fixture.store.admin.rows(plan, { key: ['nobody'] })).items, [])
    }),

    rule('a query gives the declared columns, and no more rows than asked for', async fixture => {
      const { table, plan } = await users(fixture)
      await writeMany(table, 2)
      const { admin } = fixture.store
      const all = await admin.query(fixture.selectAll(plan), { limit: 100 })
      deepEqual([...all.columns].sort(), plan.columns.map(each => each.name).sort())
      equal(all.rows.length, 20)
      equal(all.truncated, false)
      const some = await admin.query(fixture.selectAll(plan), { limit: 3 })
      equal(some.rows.length, 3)
      equal(some.truncated, true)
    }),

    rule('a query that would change something, or is none, is refused', async fixture => {
      const { table, plan, rows } = await users(fixture)
      await writeMany(table, 1)
      const { admin } = fixture.store
      for (const statement of [
        fixture.changing(plan),
        'SELEC',
        '',
        `${fixture.selectAll(plan)}; ${fixture.changing(plan)}`,
      ]) {
        await rejectsWith(admin.query(statement, { limit: 1 }), 'QUERY_INVALID')
      }
      equal((await rows()).length, 10)
    }),

    rule('an aborted query rejects with the reason', async fixture => {
      const { plan } = await users(fixture)
      const reason = new Error('not wanted any more')
      const query = fixture.store.admin.query(fixture.selectAll(plan), { limit: 1, signal: AbortSignal.abort(reason) })
      await rejects(query, reason)
    }),
  ]
}
