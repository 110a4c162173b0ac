import { deepEqual, equal, ok } from 'node:assert/strict'
import type { TablePlan } from '../../plan/plan.ts'
import { type Row, RowsRejected } from '../../ports/table.ts'
import type { ConformanceCase } from '../conformance.ts'
import {
  allRows,
  asPlain,
  checkpointAt,
  column,
  deleted,
  idOf,
  openNew,
  type Rule,
  rejected,
  user,
  users,
} from './table-test.ts'

/** Which version of a row stays, and what can never be stored. */
export function writing(rule: Rule): readonly ConformanceCase[] {
  return [
    rule('the newest version of a row wins, whatever order the writes arrive in', async fixture => {
      const { table, rows } = await users(fixture)
      await table.write([user('a', 'second', 20)], checkpointAt(1))
      await table.write([user('a', 'first', 10)], checkpointAt(2))
      deepEqual(await rows(), [{ id: 'a', name: 'second', email: 'second@x' }])
      await table.write([user('a', 'third', 30)], checkpointAt(3))
      deepEqual(await rows(), [{ id: 'a', name: 'third', email: 'third@x' }])
    }),

    rule('of writes that overlap the newest version of each row stays', async fixture => {
      const { table, rows } = await users(fixture)
      const writes = Array.from({ length: 8 }, (_, write) =>
        table.write(Array.from({ length: 50 }, (_, i) => user(`k${i}`, `n${write}`, 1 + write * 50 + i))),
      )
      await Promise.all(writes)
      deepEqual(new Set((await rows()).map(({ name }) => name)), new Set(['n7']))
      equal((await rows()).length, 50)
    }),

    rule('writing the same rows again changes nothing', async fixture => {
      const { table, rows } = await users(fixture)
      const batch = [user('a', 'one', 1), user('b', 'two', 2), deleted('c', 3), deleted('a', 4), user('d', 'four', 5)]
      await table.write(batch, checkpointAt(5))
      const before = await rows()
      await table.write(batch, checkpointAt(5))
      deepEqual(await rows(), before)
      deepEqual(before.map(idOf), ['b', 'd'])
    }),

    rule('within one write the last row of a key wins', async fixture => {
      const { table, rows } = await users(fixture)
      const batch: Row[] = []
      for (let i = 0; i < 30; i++) batch.push(user(`k${i % 3}`, `n${i}`, 100 + i))
      await table.write([...batch, deleted('k1', 200)], checkpointAt(31))
      deepEqual(
        (await rows()).map(row => [row.id, row.name]),
        [
          ['k0', 'n27'],
          ['k2', 'n29'],
        ],
      )
    }),

    rule(
      'a deleted row is gone, stays gone when a lower version arrives late, and comes back with a higher one',
      async fixture => {
        const { table, rows } = await users(fixture)
        await table.write([user('a', 'one', 10), user('b', 'kept', 11)], checkpointAt(2))
        await table.write([deleted('a', 20)], checkpointAt(3))
        deepEqual((await rows()).map(idOf), ['b'])
        await table.write([user('a', 'late', 15)], checkpointAt(4))
        deepEqual((await rows()).map(idOf), ['b'])
        await table.write([user('a', 'back', 30)], checkpointAt(5))
        deepEqual(
          (await rows()).map(row => row.name),
          ['back', 'kept'],
        )
      },
    ),

    rule('a late delete of a lower version changes nothing', async fixture => {
      const { table, rows } = await users(fixture)
      await table.write([user('a', 'one', 10)], checkpointAt(1))
      await table.write([deleted('a', 5)], checkpointAt(2))
      deepEqual((await rows()).map(idOf), ['a'])
    }),

    rule('deleting a row that was never there hides it from a late lower version', async fixture => {
      const { table, rows } = await users(fixture)
      await table.write([deleted('a', 20)], checkpointAt(1))
      await table.write([user('a', 'late', 10)], checkpointAt(2))
      deepEqual(await rows(), [])
    }),

    rule('a null replaces the value that was there', async fixture => {
      const { table, rows } = await users(fixture)
      await table.write([user('a', 'one', 1)], checkpointAt(1))
      await table.write([{ values: ['a', 'one', null], version: 2 }], checkpointAt(2))
      deepEqual(await rows(), [{ id: 'a', name: 'one', email: null }])
    }),

    rule('in an append-only table a null leaves the value that was there', async fixture => {
      const { table, rows } = await users(fixture, { appendOnly: true })
      await table.write([{ values: ['a', null, 'a@x'], version: 1 }], checkpointAt(1))
      await table.write([{ values: ['a', 'filled', null], version: 2 }], checkpointAt(2))
      deepEqual(await rows(), [{ id: 'a', name: 'filled', email: 'a@x' }])
    }),

    rule('a key of several columns identifies a row by all of them', async fixture => {
      const plan: TablePlan = {
        keyspace: fixture.keyspace,
        name: 'readings',
        primaryKey: ['sensor', 'at'],
        appendOnly: false,
        columns: [
          column('value', { kind: 'double' }),
          column('at', { kind: 'timestamp' }, false),
          column('sensor', { kind: 'text' }, false),
        ],
      }
      const table = await openNew(fixture.store, plan)
      const noon = new Date('2026-01-01T12:00:00.000Z')
      const one = new Date('2026-01-01T13:00:00.000Z')
      await table.write(
        [
          { values: [1, noon, 'a'], version: 1 },
          { values: [2, one, 'a'], version: 2 },
          { values: [3, noon, 'b'], version: 3 },
          { values: [null, one, 'a'], version: 4, deleted: true },
          { values: [4, noon, 'a'], version: 5 },
        ],
        checkpointAt(5),
      )
      const page = await fixture.store.admin.rows(plan, { key: ['a', noon] })
      deepEqual(page.items.map(asPlain), [{ value: 4, at: noon, sensor: 'a' }])
      equal((await allRows(fixture.store, plan)).length, 2)
    }),

    rule(
      'rows that can never be stored are listed with their reasons, and without them the rest can be written',
      async fixture => {
        const { table, rows } = await users(fixture)
        const bad: Row[] = [
          { values: [null, 'no key', null], version: 2 },
          { values: ['c', 42, null], version: 3 },
          { values: ['d', { nested: true }, null], version: 4 },
          { values: [null, null, null], version: 5, deleted: true },
        ]
        if (fixture.tooLarge !== null) bad.push({ values: ['e', fixture.tooLarge, null], version: 6 })
        const good = user('a', 'good', 1)
        const error = await rejected(table.write([good, ...bad], checkpointAt(6)))
        ok(error instanceof RowsRejected, String(error))
        deepEqual(
          error.rows.map(each => each.index),
          bad.map((_, i) => i + 1),
        )
        for (const each of error.rows) equal(each.error.code, 'RECORD_REJECTED')
        equal((await table.claim('users', 0, 1))?.next ?? null, null)
        await table.write([good], checkpointAt(6))
        deepEqual((await rows()).map(idOf), ['a'])
      },
    ),
  ]
}
