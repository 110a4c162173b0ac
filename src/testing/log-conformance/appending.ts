import assert from 'node:assert/strict'
import type { Appended, NewRecord } from '../../ports/log.ts'
import type { ConformanceCase } from '../conformance.ts'
import { bytes, fails, hex, type Rule, string, text, to } from './log-test.ts'

/** `Utils.toPositive(Utils.murmur2(key)) % 7` of the keys that Kafka's own tests use. */
const knownPartitions: readonly (readonly [string, number])[] = [
  ['21', 3],
  ['foobar', 0],
  ['a-little-bit-long-string', 1],
  ['a-little-bit-longer-string', 0],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', 3],
  ['abc', 4],
  ['', 2],
]

export const appending = (rule: Rule): readonly ConformanceCase[] => [
  rule('records of a partition are read in the order in which they were appended', async test => {
    const topic = await test.topic({ partitions: 3 })
    const producer = await test.log.producer(test.name('producer'))
    const sent = Array.from({ length: 300 }, (_, index) => text(topic, `key-${index % 17}`, `value-${index}`))
    const appended: Appended[] = []
    for (let from = 0; from < sent.length; from += 60) {
      appended.push(...(await producer.append(sent.slice(from, from + 60))))
    }
    let read = 0
    for (const partition of [0, 1, 2]) {
      const runs = appended.filter(each => each.partition === partition)
      const offsets = runs.flatMap(run => Array.from({ length: run.count }, (_, index) => run.baseOffset + index))
      const records = await test.readAll(topic, partition, 0, offsets.length)
      assert.deepEqual(
        records.map(record => record.offset),
        offsets,
      )
      const numbers = records.map(record => Number(string(record.value)?.slice('value-'.length)))
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      )
      read += records.length
    }
    assert.equal(read, sent.length)
  }),

  rule('an append says where its records went', async test => {
    const topic = await test.topic({ partitions: 2 })
    const producer = await test.log.producer(test.name('producer'))
    const first = await producer.append([to(topic, 0, 'a'), to(topic, 1, 'b'), to(topic, 0, 'c')])
    const second = await producer.append([to(topic, 0, 'd')])
    assert.deepEqual(
      first.toSorted((a, b) => a.partition - b.partition),
      [
        { topic, partition: 0, baseOffset: 0, count: 2 },
        { topic, partition: 1, baseOffset: 0, count: 1 },
      ],
    )
    // Not always 2: where an append is a transaction, its end takes an offset.
    const { baseOffset } = second[0]!
    assert.ok(baseOffset >= 2)
    assert.deepEqual(second, [{ topic, partition: 0, baseOffset, count: 1 }])
    const [last] = await test.readAll(topic, 0, baseOffset, 1)
    assert.equal(string(last!.value), 'd')
  }),

  rule('a key goes to the partition that Kafka’s default partitioner gives it', async test => {
    const topic = await test.topic({ partitions: 7 })
    const producer = await test.log.producer(test.name('producer'))
    for (const [key, partition] of knownPartitions) {
      const [appended] = await producer.append([text(topic, key, 'value')])
      assert.equal(appended?.partition, partition, `partition of ${JSON.stringify(key)}`)
    }
  }),

  rule(
    'records of one key keep their partition when none is added, with or without an explicit partition',
    async test => {
      const topic = await test.topic({ partitions: 4 })
      const producer = await test.log.producer(test.name('producer'))
      const [first] = await producer.append([text(topic, 'key', '1')])
      const [again] = await producer.append([text(topic, 'key', '2')])
      assert.equal(again?.partition, first?.partition)
      const other = (first!.partition + 1) % 4
      const [explicit] = await producer.append([{ ...text(topic, 'key', '3'), partition: other }])
      assert.equal(explicit?.partition, other)
    },
  ),

  rule('null, empty and other keys and values are told apart, and headers come back', async test => {
    const topic = await test.topic({ partitions: 1 })
    const producer = await test.log.producer(test.name('producer'))
    const empty = new Uint8Array()
    const headers = { reason: bytes('späť'), empty }
    const records: NewRecord[] = [
      { topic, key: null, value: bytes('v') },
      { topic, key: empty, value: bytes('v') },
      { topic, key: bytes('k'), value: null },
      { topic, key: bytes('k'), value: empty },
      { topic, key: bytes('k'), value: Uint8Array.of(0, 255, 128), headers },
    ]
    await producer.append(records)
    const read = await test.readAll(topic, 0, 0, records.length)
    for (const [index, record] of read.entries()) {
      assert.deepEqual(hex(record.key), hex(records[index]!.key), `key ${index}`)
      assert.deepEqual(hex(record.value), hex(records[index]!.value), `value ${index}`)
    }
    assert.deepEqual(Object.keys(read[4]?.headers ?? {}).toSorted(), ['empty', 'reason'])
    assert.equal(string(read[4]!.headers!.reason!), 'späť')
    assert.equal(read[4]!.headers!.empty!.length, 0)
    assert.equal(Object.keys(read[0]?.headers ?? {}).length, 0)
  }),

  rule('what was appended is there for a client that opens later, after the first one has closed', async test => {
    const topic = await test.topic({ partitions: 1 })
    const producer = await test.log.producer(test.name('producer'))
    await producer.append([to(topic, 0, 'kept')])
    await producer.close()
    await test.log.close()
    const later = await test.another()
    const [record] = await later.admin.read(topic, 0, 0, test.patient())
    assert.equal(string(record!.value), 'kept')
  }),

  rule('records and commits of one append become durable together', async test => {
    const topic = await test.topic({ partitions: 1 })
    const group = test.name('group')
    const producer = await test.log.producer(test.name('producer'))
    await producer.append([to(topic, 0, 'a')], [{ group, topic, partition: 0, next: 42, metadata: 'cursor' }])
    await test.eventually(async () => {
      assert.deepEqual(await test.log.admin.committed(group, topic), [
        { group, topic, partition: 0, next: 42, metadata: 'cursor' },
      ])
    })
    await producer.append([], [{ group, topic, partition: 0, next: 43, metadata: '' }])
    await test.eventually(async () => {
      const [commit] = await test.log.admin.committed(group, topic)
      assert.equal(commit?.next, 43)
    })
    assert.equal((await test.log.admin.ranges(topic))[0]?.end === 0, false)
  }),

  rule('a record over the topic’s limit is refused by its index, and nothing of its append is stored', async test => {
    const topic = await test.topic({ partitions: 2, maxRecordBytes: 1_000 })
    const group = test.name('group')
    const producer = await test.log.producer(test.name('producer'))
    const large = { topic, key: bytes('k'), value: new Uint8Array(1_000) }
    const commit = { group, topic, partition: 0, next: 7, metadata: '' }
    const error = await fails('RECORD_TOO_LARGE', producer.append([text(topic, 'k', 'small'), large], [commit]))
    assert.equal(error.place, '1')
    assert.deepEqual(
      (await test.log.admin.ranges(topic)).map(range => range.end),
      [0, 0],
    )
    assert.deepEqual(await test.log.admin.committed(group, topic), [])
    await producer.append([{ topic, key: bytes('k'), value: new Uint8Array(999) }])
  }),

  rule('headers may take what key and value leave of the limit, and 64 KiB besides', async test => {
    const topic = await test.topic({ partitions: 1, maxRecordBytes: 200_000 })
    const producer = await test.log.producer(test.name('producer'))
    const headers = (length: number) => ({ large: new Uint8Array(length) })
    const whole = { topic, key: null, value: new Uint8Array(200_000), headers: headers(65_000) }
    await producer.append([whole, { ...to(topic, 0, 'small'), headers: headers(250_000) }])
    const [, small] = await test.readAll(topic, 0, 0, 2)
    assert.equal(small?.headers?.large?.length, 250_000)
    await fails('RECORD_TOO_LARGE', producer.append([{ ...whole, headers: headers(66_000) }]))
    await fails('RECORD_TOO_LARGE', producer.append([{ ...to(topic, 0, 'small'), headers: headers(266_000) }]))
  }),

  rule('an append to an unknown topic is refused', async test => {
    const producer = await test.log.producer(test.name('producer'))
    await fails('TOPIC_UNKNOWN', producer.append([text(test.name('nowhere'), 'k', 'v')]))
  }),

  rule('a producer that opens with the id of another one, anywhere, fences it', async test => {
    const topic = await test.topic({ partitions: 1 })
    const id = test.name('producer')
    const group = test.name('group')
    const zombie = await test.log.producer(id)
    await zombie.append([to(topic, 0, 'before')])
    const heir = await (await test.another()).producer(id)
    await heir.append([to(topic, 0, 'heir')])
    const commit = { group, topic, partition: 0, next: 1, metadata: '' }
    await fails('PRODUCER_FENCED', zombie.append([to(topic, 0, 'zombie')], [commit]))
    await heir.append([to(topic, 0, 'heir again')])
    const values = (await test.readValues(topic, 0, 3)).map(String)
    assert.deepEqual(values, ['before', 'heir', 'heir again'])
    assert.deepEqual(await test.log.admin.committed(group, topic), [])
  }),
]
