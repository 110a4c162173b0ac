import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Checkpoint } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { ConformanceCase } from '../conformance.ts'
import { allRows, checkpointAt, idOf, type Rule, rejectsWith, user, users, writeMany } from './table-test.ts'

/** Checkpoints, and who may write them. */
export function checkpointing(rule: Rule): readonly ConformanceCase[] {
  return [
    rule('the checkpoint of the last write is there after a restart', async fixture => {
      const { table, plan } = await users(fixture)
      equal(await table.claim('users', 1, 4), null)
      const last: Checkpoint = { topic: 'users', partition: 1, epoch: 4, next: 77, version: 1_760_000_000_000_123 }
      await table.write([user('a', 'one', 1)], { ...last, next: 50, version: 5 })
      await table.write([user('b', 'two', 6)], last)
      await table.close()
      await fixture.store.close()
      const store = await fixture.reopen()
      try {
        const again = await store.open(plan, 'users/sink')
        deepEqual(await again.claim('users', 1, 5), last)
        deepEqual(await store.admin.checkpoints(plan, 'users/sink'), [last])
        deepEqual((await allRows(store, plan)).map(idOf), ['a', 'b'])
        await again.close()
      } finally {
        await store.close()
      }
    }),

    rule('a write of no rows still stores its checkpoint', async fixture => {
      const { table } = await users(fixture)
      await table.write([], checkpointAt(9))
      deepEqual(await table.claim('users', 0, 2), checkpointAt(9))
    }),

    rule('one write takes rows of several partitions with a checkpoint of each', async fixture => {
      const { table, plan } = await users(fixture)
      await table.claim('users', 1, 1)
      const both = [checkpointAt(5), { ...checkpointAt(6), partition: 1 }]
      await table.write([user('a', 'of the first', 1), user('b', 'of the second', 2)], ...both)
      deepEqual((await allRows(fixture.store, plan)).map(idOf), ['a', 'b'])
      deepEqual(await fixture.store.admin.checkpoints(plan, 'users/sink'), both)
    }),

    rule('stages, topics and partitions have checkpoints of their own', async fixture => {
      const { table, plan } = await users(fixture)
      const other = await fixture.store.open(plan, 'users/other')
      await table.claim('users', 1, 1)
      await table.claim('archive', 0, 1)
      await table.write([], checkpointAt(5))
      await table.write([], { ...checkpointAt(6), partition: 1 })
      await table.write([], { ...checkpointAt(7), topic: 'archive' })
      equal(await other.claim('users', 0, 1), null)
      equal((await table.claim('users', 0, 1))?.next, 5)
      equal((await table.claim('users', 1, 1))?.next, 6)
      equal((await table.claim('archive', 0, 1))?.next, 7)
      await other.close()
    }),

    rule('once a newer epoch has claimed a partition, a write of an older one changes nothing', async fixture => {
      const { table, plan, rows } = await users(fixture)
      const successor = await fixture.store.open(plan, 'users/sink')
      await table.write([user('a', 'before', 10)], checkpointAt(1))
      await successor.claim('users', 0, 2)
      await successor.write([user('a', 'successor', 20)], { ...checkpointAt(2), epoch: 2 })
      const late = table.write([user('a', 'late', 15)], checkpointAt(9))
      if (fixture.store.atomicCheckpoint) await rejectsWith(late, 'PARTITION_LOST')
      else await late.catch(error => ok(error instanceof MillraceError && error.code === 'PARTITION_LOST'))
      deepEqual(
        (await rows()).map(row => row.name),
        ['successor'],
      )
      deepEqual(await successor.claim('users', 0, 2), { ...checkpointAt(2), epoch: 2 })
      await rejectsWith(table.claim('users', 0, 1), 'PARTITION_LOST')
      await successor.close()
    }),

    rule('whoever sees a checkpoint sees the rows before it', async fixture => {
      const { table, plan } = await users(fixture)
      const { admin } = fixture.store
      let written = false
      const writing = writeMany(table, 40).finally(() => {
        written = true
      })
      while (!written) {
        const next = (await admin.checkpoints(plan, 'users/sink'))[0]?.next ?? 0
        const { rows } = await admin.count(plan)
        ok(rows >= next, `${rows} rows before checkpoint ${next}`)
      }
      await writing
      equal((await admin.count(plan)).rows, 400)
    }),
  ]
}
