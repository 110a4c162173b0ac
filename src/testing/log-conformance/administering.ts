import assert from 'node:assert/strict'
import type { ConformanceCase } from '../conformance.ts'
import { fails, type Rule, string, to } from './log-test.ts'

export const administering = (rule: Rule): readonly ConformanceCase[] => [
  rule('a topic is what it was created as, and there is only one of its name', async test => {
    const spec = test.spec({ partitions: 3, retentionMs: 86_400_000, maxRecordBytes: 5_000 })
    const { admin } = test.log
    assert.equal(await admin.topic(spec.name), null)
    await admin.createTopic(spec)
    assert.deepEqual(await admin.topic(spec.name), spec)
    await fails('NAME_DUPLICATE', admin.createTopic(spec))
    assert.deepEqual(
      await admin.ranges(spec.name),
      [0, 1, 2].map(partition => ({ partition, start: 0, end: 0 })),
    )
    await fails('TOPIC_UNKNOWN', admin.ranges(test.name('nowhere')))
  }),

  rule('a topic can be changed, but its partitions only grow, and what is in them stays', async test => {
    const topic = await test.filled(4)
    const { admin } = test.log
    const spec = (await admin.topic(topic))!
    const grown = { ...spec, partitions: 3, retentionMs: spec.retentionMs * 2, maxRecordBytes: 9_000 }
    await admin.alterTopic(grown)
    assert.deepEqual(await admin.topic(topic), grown)
    assert.deepEqual(
      (await admin.ranges(topic)).map(range => range.start === range.end),
      [false, true, true],
    )
    assert.equal((await test.readAll(topic, 0, 0, 4)).length, 4)
    await fails('PLAN_INCOMPATIBLE', admin.alterTopic(spec))
    await fails('TOPIC_UNKNOWN', admin.alterTopic({ ...spec, name: test.name('nowhere') }))
  }),

  rule('topics are listed a page at a time', async test => {
    const created = [await test.topic(), await test.topic(), await test.topic()]
    const found: string[] = []
    let after: string | null = null
    do {
      const page = await test.log.admin.topics({ limit: 2, ...(after === null ? {} : { after }) })
      assert.ok(page.items.length <= 2)
      found.push(...page.items.map(spec => spec.name))
      after = page.next
    } while (after !== null)
    assert.equal(new Set(found).size, found.length)
    for (const name of created) assert.ok(found.includes(name), name)
  }),

  rule('a group is listed with its members, their partitions and its offsets', async test => {
    const topic = await test.topic({ partitions: 1 })
    const group = test.name('group')
    const subscription = await test.subscribe(test.log, { topic, group, member: 'reader' })
    const { epoch } = await test.assigned(subscription)
    await subscription.commit(0, epoch, 3, 'm')
    const other = await test.another()
    await test.eventually(async () => {
      const description = await test.group(other, group)
      assert.deepEqual(description?.members, [{ member: 'reader', partitions: [0] }])
      assert.deepEqual(description?.offsets, [{ group, topic, partition: 0, next: 3, metadata: 'm' }])
    })
    await subscription.close()
    await test.eventually(async () => assert.deepEqual((await test.group(other, group))?.members, []))
  }),

  rule('offsets are reset only while nobody reads', async test => {
    const topic = await test.filled(5)
    const group = test.name('group')
    const subscription = await test.subscribe(test.log, { topic, group })
    const { epoch } = await test.assigned(subscription)
    await subscription.commit(0, epoch, 5, '')
    const reset = [{ group, topic, partition: 0, next: 2, metadata: 'again' }]
    await fails('RUN_STATE', test.log.admin.resetOffsets(reset))
    await subscription.close()
    await test.eventually(() => test.log.admin.resetOffsets(reset))
    const next = await test.subscribe(test.log, { topic, group })
    assert.deepEqual((await test.assigned(next)).committed, { next: 2, metadata: 'again' })
  }),

  rule('deleted records are gone and the start moves; the end does not', async test => {
    const topic = await test.filled(10)
    const { admin } = test.log
    const { end } = (await admin.ranges(topic))[0]!
    await admin.deleteRecords(topic, 0, 4)
    assert.deepEqual(await admin.ranges(topic), [{ partition: 0, start: 4, end }])
    const records = await test.readAll(topic, 0, 0, 6)
    assert.equal(records[0]?.offset, 4)
    await admin.deleteRecords(topic, 0, end)
    assert.deepEqual(await admin.ranges(topic), [{ partition: 0, start: end, end }])
    const producer = await test.log.producer(test.name('producer'))
    const [appended] = await producer.append([to(topic, 0, 'next')])
    assert.equal(appended?.baseOffset, end)
  }),

  rule(
    'what was appended is in the topic’s range at once, for everyone, and can be read without waiting',
    async test => {
      const topic = await test.topic()
      const producer = await test.log.producer(test.name('producer'))
      const { admin } = await test.another()
      for (let count = 0; count < 50; count++) {
        const [appended] = await producer.append([to(topic, 0, String(count))])
        const { end } = (await admin.ranges(topic))[0]!
        assert.ok(end > appended!.baseOffset, `the end is ${end} after an append at ${appended!.baseOffset}`)
        const [record] = await admin.read(topic, 0, appended!.baseOffset, { ...test.patient(), waitMs: 0 })
        assert.equal(string(record?.value ?? null), String(count))
      }
    },
  ),

  rule('records can be read without a group, and a reader at the end waits for the next one', async test => {
    const topic = await test.filled(5)
    const [record] = await test.log.admin.read(topic, 0, 3, test.patient())
    assert.equal(record?.offset, 3)
    const { end } = (await test.log.admin.ranges(topic))[0]!
    assert.deepEqual(await test.log.admin.read(topic, 0, end, test.impatient()), [])
    const waiting = (await test.another()).admin.read(topic, 0, end, test.patient())
    const producer = await test.log.producer(test.name('producer'))
    await producer.append([to(topic, 0, 'tail')])
    const [tail] = await waiting
    assert.equal(string(tail!.value), 'tail')
    await fails('TOPIC_UNKNOWN', test.log.admin.read(test.name('nowhere'), 0, 0, test.impatient()))
  }),
]
