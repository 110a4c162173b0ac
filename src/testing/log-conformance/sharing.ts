import assert from 'node:assert/strict'
import type { ConformanceCase } from '../conformance.ts'
import { fails, type Rule, to } from './log-test.ts'

export const sharing = (rule: Rule): readonly ConformanceCase[] => [
  rule('a second member gets its share after the first has drained it, with higher epochs', async test => {
    const topic = await test.topic({ partitions: 4 })
    const group = test.name('group')
    const first = await test.subscribe(test.log, { topic, group, member: 'first' })
    const epochs = new Map((await test.assignedAll(first, 4)).map(each => [each.partition, each.epoch]))
    const second = await test.subscribe(await test.another(), { topic, group, member: 'second' })

    const revoking = await test.until(first, 'revoking')
    assert.equal(revoking.partitions.length, 2)
    assert.ok(revoking.deadlineMs > 0)
    for (const partition of revoking.partitions) {
      await first.commit(partition, epochs.get(partition)!, partition + 100, 'drained')
      await first.release(partition)
    }
    const assigned = await test.assignedAll(second, 2)
    assert.deepEqual(
      assigned.map(each => each.partition).toSorted((a, b) => a - b),
      revoking.partitions.toSorted((a, b) => a - b),
    )
    const highest = Math.max(...epochs.values())
    for (const { partition, epoch, committed } of assigned) {
      assert.deepEqual(committed, { next: partition + 100, metadata: 'drained' })
      assert.ok(epoch > highest, `epoch ${epoch} after ${highest}`)
      await fails('PARTITION_LOST', first.commit(partition, epochs.get(partition)!, 1, ''))
      await second.commit(partition, epoch, partition + 200, '')
    }
    assert.throws(() => first.seek(revoking.partitions[0]!, 0), { code: 'PARTITION_LOST' })
  }),

  rule('a partition asked back gives no further batches, the others go on', async test => {
    const topic = await test.topic({ partitions: 2 })
    const group = test.name('group')
    const first = await test.subscribe(test.log, { topic, group })
    await test.assignedAll(first, 2)
    await test.subscribe(await test.another(), { topic, group })
    const { partitions } = await test.until(first, 'revoking')
    for (const partition of [0, 1]) first.seek(partition, 0)
    const producer = await test.log.producer(test.name('producer'))
    await producer.append([to(topic, 0, 'a'), to(topic, 1, 'b')])
    const batch = await test.batch(first)
    assert.ok(!partitions.includes(batch.partition), `a batch of ${batch.partition}`)
    await test.idle(first)
  }),

  rule('a partition that is not released by the deadline is lost, and late commits for it are refused', async test => {
    const topic = await test.topic({ partitions: 2 })
    const group = test.name('group')
    const first = await test.subscribe(test.log, { topic, group, drainTimeoutMs: 3_000 })
    const epochs = new Map((await test.assignedAll(first, 2)).map(each => [each.partition, each.epoch]))
    const second = await test.subscribe(await test.another(), { topic, group, drainTimeoutMs: 3_000 })
    const taken = test.assigned(second)
    const { partitions } = await test.until(first, 'revoking')
    const lost = await test.until(first, 'lost')
    assert.deepEqual(lost.partitions, partitions)
    const { partition, epoch } = await taken
    assert.deepEqual([partition], partitions)
    await second.commit(partition, epoch, 5, 'new')
    await fails('PARTITION_LOST', first.commit(partition, epochs.get(partition)!, 9, 'late'))
    await test.eventually(async () => {
      assert.deepEqual(await test.log.admin.committed(group, topic), [
        { group, topic, partition, next: 5, metadata: 'new' },
      ])
    })
  }),

  rule(
    'an append with the commit of a partition’s owner is refused whole once that has gone to another',
    async test => {
      const topic = await test.topic({ partitions: 2 })
      const letters = await test.topic()
      const group = test.name('group')
      const commit = (partition: number, epoch: number, next: number) => ({
        ...{ group, topic, partition, next, metadata: '', epoch },
      })
      const first = await test.subscribe(test.log, { topic, group, drainTimeoutMs: 3_000 })
      const epochs = new Map((await test.assignedAll(first, 2)).map(each => [each.partition, each.epoch]))
      const producer = await test.log.producer(test.name('producer'))
      await producer.append([to(letters, 0, 'before')], [commit(0, epochs.get(0)!, 1), commit(1, epochs.get(1)!, 1)])

      const other = await test.another()
      const second = await test.subscribe(other, { topic, group })
      const taken = test.assigned(second)
      await test.until(first, 'revoking')
      await test.until(first, 'lost')
      const { partition: gone, epoch } = await taken
      const kept = 1 - gone
      const late = [commit(kept, epochs.get(kept)!, 9), commit(gone, epochs.get(gone)!, 9)]
      await fails('PARTITION_LOST', producer.append([to(letters, 0, 'late')], late))
      await fails('PARTITION_LOST', producer.append([], [commit(kept, epoch, 9)]))

      const heir = await other.producer(test.name('producer'))
      await heir.append([to(letters, 0, 'heir')], [commit(gone, epoch, 2)])
      await producer.append([to(letters, 0, 'kept')], [commit(kept, epochs.get(kept)!, 3)])
      assert.deepEqual(await test.readValues(letters, 0, 3), ['before', 'heir', 'kept'])
      await test.eventually(async () => {
        const committed = await test.log.admin.committed(group, topic)
        assert.deepEqual(
          committed.map(({ partition, next }) => [partition, next]),
          [
            [gone, 2],
            [kept, 3],
          ].toSorted(([a], [b]) => a! - b!),
        )
      })
    },
  ),

  rule('a member that closes leaves its partitions to the others at once', async test => {
    const topic = await test.topic({ partitions: 2 })
    const group = test.name('group')
    const first = await test.subscribe(test.log, { topic, group, sessionTimeoutMs: 45_000 })
    const before = await test.assignedAll(first, 2)
    const second = await test.subscribe(await test.another(), { topic, group, sessionTimeoutMs: 45_000 })
    await first.close()
    const after = await test.assignedAll(second, 2)
    const highest = Math.max(...before.map(each => each.epoch))
    for (const { epoch } of after) assert.ok(epoch > highest, `epoch ${epoch} after ${highest}`)
  }),

  rule('a member that does not pull stays in the group beyond its session timeout', async test => {
    const topic = await test.topic({ partitions: 2 })
    const group = test.name('group')
    const { sessionTimeoutMs } = test.fixture
    const first = await test.subscribe(test.log, { topic, group, sessionTimeoutMs })
    const epochs = new Map((await test.assignedAll(first, 2)).map(each => [each.partition, each.epoch]))
    const second = await test.subscribe(await test.another(), { topic, group, sessionTimeoutMs })
    const { partitions } = await test.until(first, 'revoking')
    for (const partition of partitions) await first.release(partition)
    await test.assignedAll(second, 1)
    const kept = [0, 1].find(partition => !partitions.includes(partition))!
    const quiet = await second.next({ maxRecords: 1, maxBytes: 1, waitMs: 2.5 * sessionTimeoutMs })
    assert.equal(quiet.kind, 'idle')
    await first.commit(kept, epochs.get(kept)!, 1, '')
  }),

  rule('groups do not disturb each other', async test => {
    const topic = await test.filled(5)
    const one = await test.subscribe(test.log, { topic, group: test.name('one') })
    const two = await test.subscribe(test.log, { topic, group: test.name('two') })
    for (const subscription of [one, two]) {
      await test.assigned(subscription)
      subscription.seek(0, 0)
      assert.equal((await test.batch(subscription)).records[0]?.offset, 0)
    }
  }),

  rule('partitions added to a topic are given to its readers', async test => {
    const topic = await test.topic({ partitions: 1 })
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    await test.assigned(subscription)
    await test.log.admin.alterTopic({ ...(await test.log.admin.topic(topic))!, partitions: 2 })
    assert.equal((await test.assigned(subscription)).partition, 1)
  }),
]
