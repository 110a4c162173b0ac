import assert from 'node:assert/strict'
import type { ConformanceCase } from '../conformance.ts'
import { fails, type Rule, string, to } from './log-test.ts'

export const reading = (rule: Rule): readonly ConformanceCase[] => [
  rule('a new group has nothing committed, and reads from where it seeks', async test => {
    const topic = await test.filled(10)
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    const assigned = await test.assigned(subscription)
    assert.equal(assigned.committed, null)
    subscription.seek(0, 4)
    const batch = await test.batch(subscription)
    assert.equal(batch.topic, topic)
    assert.equal(batch.partition, 0)
    assert.equal(batch.epoch, assigned.epoch)
    assert.equal(batch.records[0]?.offset, 4)
    assert.equal(batch.end, (await test.log.admin.ranges(topic))[0]?.end)
  }),

  rule('reading gets to the end of the range, past what is no record, also from behind the last one', async test => {
    const topic = await test.filled(70)
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    await test.assigned(subscription)
    const { end } = (await test.log.admin.ranges(topic))[0]!
    const offsets = (await test.readAll(topic, 0, 0, 70)).map(record => record.offset)
    for (const from of [0, offsets.at(-1)! + 1]) {
      const left = offsets.filter(offset => offset >= from)
      subscription.seek(0, from)
      for (let next = from; next < end; ) {
        const batch = await test.until(subscription, 'batch', { maxRecords: 10 })
        for (const { offset } of batch.records) assert.equal(offset, left.shift())
        assert.ok(batch.next > (batch.records.at(-1)?.offset ?? next), `${batch.next} after ${next}`)
        assert.ok(batch.next <= (left[0] ?? end), `${batch.next} before ${left[0] ?? end}`)
        assert.equal(batch.end, end)
        next = batch.next
      }
      assert.deepEqual(left, [])
      await test.idle(subscription)
    }
  }),

  rule('nothing is read from a partition before it is told where to start', async test => {
    const topic = await test.filled(3)
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    await test.assigned(subscription)
    await test.idle(subscription)
  }),

  rule('a member goes on from what the group committed, with its metadata', async test => {
    const topic = await test.filled(10)
    const group = test.name('group')
    const first = await test.subscribe(test.log, { topic, group })
    const { epoch } = await test.assigned(first)
    await first.commit(0, epoch, 6, 'version 17')
    await first.close()
    const second = await test.subscribe(await test.another(), { topic, group })
    const assigned = await test.assigned(second)
    assert.deepEqual(assigned.committed, { next: 6, metadata: 'version 17' })
    assert.ok(assigned.epoch > epoch, `epoch ${assigned.epoch} after ${epoch}`)
    second.seek(0, assigned.committed!.next)
    assert.equal((await test.batch(second)).records[0]?.offset, 6)
  }),

  rule('batches follow each other without gap or repeat, each within the limits asked for', async test => {
    const topic = await test.filled(100, 50)
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    await test.assigned(subscription)
    subscription.seek(0, 0)
    const expected = (await test.readAll(topic, 0, 0, 100)).map(record => record.offset)
    while (expected.length > 0) {
      const batch = await test.batch(subscription, { maxRecords: 7, maxBytes: 300 })
      assert.ok(batch.records.length <= 7)
      const size = batch.records.reduce((sum, record) => sum + (record.value?.length ?? 0), 0)
      assert.ok(size <= 300 || batch.records.length === 1, `${size} bytes in ${batch.records.length} records`)
      for (const record of batch.records) assert.equal(record.offset, expected.shift())
    }
    await test.idle(subscription)
  }),

  rule('a batch holds one record even if it is larger than the bytes asked for', async test => {
    const topic = await test.filled(3, 5_000)
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    await test.assigned(subscription)
    subscription.seek(0, 0)
    for (let offset = 0; offset < 3; offset++) {
      const { records } = await test.batch(subscription, { maxBytes: 1 })
      assert.deepEqual(
        records.map(record => record.offset),
        [offset],
      )
    }
  }),

  rule('every partition with data gets its turn', async test => {
    const topic = await test.topic({ partitions: 3 })
    const producer = await test.log.producer(test.name('producer'))
    for (let round = 0; round < 5; round++) {
      await producer.append([0, 1, 2].flatMap(partition => [to(topic, partition, 'a'), to(topic, partition, 'b')]))
    }
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    await test.assignedAll(subscription, 3)
    for (const partition of [0, 1, 2]) subscription.seek(partition, 0)
    const expected = await Promise.all([0, 1, 2].map(partition => test.readAll(topic, partition, 0, 10)))
    while (expected.some(records => records.length > 0)) {
      const batch = await test.batch(subscription, { maxRecords: 4 })
      for (const { offset } of batch.records) assert.equal(offset, expected[batch.partition]!.shift()?.offset)
    }
  }),

  rule('a record appended while a member waits reaches it', async test => {
    const topic = await test.topic({ partitions: 1 })
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    await test.assigned(subscription)
    subscription.seek(0, 0)
    const waiting = test.batch(subscription)
    const producer = await (await test.another()).producer(test.name('producer'))
    await producer.append([to(topic, 0, 'here')])
    assert.equal(string((await waiting).records[0]!.value), 'here')
  }),

  rule('a member can go back, and read by time', async test => {
    const topic = await test.topic({ partitions: 1 })
    const producer = await test.log.producer(test.name('producer'))
    const later = await test.appendInTwoMoments(producer, topic)
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    await test.assigned(subscription)
    subscription.seek(0, later.offset)
    assert.equal((await test.batch(subscription)).records[0]?.offset, later.offset)
    subscription.seek(0, 0)
    assert.equal((await test.batch(subscription, { maxRecords: 1 })).records[0]?.offset, 0)
    const at = async (time: number) => (await test.log.admin.offsetsAt(topic, time))[0]?.offset
    assert.equal(await at(0), 0)
    assert.equal(await at(later.timestamp), later.offset)
    assert.equal(await at(later.timestamp + 3_600_000), (await test.log.admin.ranges(topic))[0]?.end)
  }),

  rule('reading where records were deleted fails and says what is left', async test => {
    const topic = await test.filled(10)
    const group = test.name('group')
    await test.log.admin.deleteRecords(topic, 0, 5)
    const subscription = await test.subscribe(test.log, { topic, group })
    await test.assigned(subscription)
    subscription.seek(0, 2)
    const error = await fails('OFFSET_OUT_OF_RANGE', subscription.next(test.patient()))
    assert.ok(error.message.includes(group) && error.message.includes(`${topic}[0]`), error.message)
    assert.ok(error.fix?.includes('5'), error.fix ?? 'no fix')
    subscription.seek(0, 5)
    assert.equal((await test.batch(subscription)).records[0]?.offset, 5)
  }),

  rule('a wait ends at once with the signal’s reason', async test => {
    const topic = await test.topic({ partitions: 1 })
    const subscription = await test.subscribe(test.log, { topic, group: test.name('group') })
    await test.assigned(subscription)
    subscription.seek(0, 0)
    const reason = new Error('enough')
    const abort = new AbortController()
    const signal = abort.signal
    const startedAt = performance.now()
    const next = subscription.next({ maxRecords: 1, maxBytes: 1, waitMs: 600_000, signal })
    const read = test.log.admin.read(topic, 0, 0, { maxRecords: 1, maxBytes: 1, waitMs: 600_000, signal })
    const both = Promise.allSettled([next, read])
    abort.abort(reason)
    for (const outcome of await both) {
      assert.ok(outcome.status === 'rejected' && outcome.reason === reason, 'rejected with the reason')
    }
    assert.ok(performance.now() - startedAt < 60_000)
    await assert.rejects(subscription.next({ maxRecords: 1, maxBytes: 1, waitMs: 0, signal }), reason)
  }),
]
