import { describe, expect, it } from 'vitest'
import type { Log, LogRecord } from '../../../src/ports/log.ts'
import { createTopic, kafkaOfThisFile, openTestLog } from './support.ts'

const kafka = kafkaOfThisFile()
const patient = { maxRecords: 1_000, maxBytes: 10_000_000, waitMs: 2_000 }

async function readValues(log: Log, topic: string): Promise<string[]> {
  const { end } = (await log.admin.ranges(topic))[0]!
  const found: LogRecord[] = []
  for (let next = 0; next < end; ) {
    const records = await log.admin.read(topic, 0, next, { ...patient, waitMs: 0 })
    if (records.length === 0) break
    found.push(...records)
    next = records.at(-1)!.offset + 1
  }
  return found.map(({ value }) => Buffer.from(value!).toString())
}

describe('appending to Kafka', () => {
  it('a crash of the broker at any moment neither loses nor repeats what a producer that keeps trying appends', async () => {
    const log = await openTestLog(kafka().address, { limits: { retry: '1s', request: '5s' } })
    const topic = await createTopic(log)
    const producer = await log.producer(topic)
    const group = `${topic}.cursor`
    let crash: Promise<void> | null = null
    const expected: string[] = []
    for (let index = 0; index < 120; index++) {
      const value = `value-${index}`
      expected.push(value)
      const records = [{ topic, key: null, value: Buffer.from(value), partition: 0 }]
      const commits = [{ group, topic, partition: 0, next: index + 1, metadata: value }]
      if (index === 40)
        crash = kafka()
          .kill()
          .then(() => kafka().start())
      await untilDone(() => producer.append(records, commits))
    }
    await crash
    expect(crash).not.toBeNull()
    expect(await readValues(log, topic)).toEqual(expected)
    expect(await log.admin.committed(group, topic)).toEqual([
      { group, topic, partition: 0, next: 120, metadata: 'value-119' },
    ])
  })

  it('an append of many batches for each partition is one, in order', async () => {
    const log = await openTestLog(kafka().address)
    const topic = await createTopic(log, { partitions: 2, maxRecordBytes: 50_000 })
    const producer = await log.producer(topic)
    const records = Array.from({ length: 400 }, (_, index) => {
      const value = Buffer.alloc(10_000)
      value.writeInt32BE(index)
      return { topic, key: null, value, partition: index % 2 }
    })
    const appended = await producer.append(records)
    expect(appended.map(each => [each.baseOffset, each.count])).toEqual([
      [0, 200],
      [0, 200],
    ])
    for (const partition of [0, 1]) {
      const numbers: number[] = []
      while (numbers.length < 200) {
        const found = await log.admin.read(topic, partition, numbers.length, patient)
        numbers.push(...found.map(({ value }) => Buffer.from(value!).readInt32BE()))
      }
      expect(numbers).toEqual(Array.from({ length: 200 }, (_, index) => 2 * index + partition))
    }
  })

  it('the time of a record is the broker’s, whatever the clock of the producer says', async () => {
    const log = await openTestLog(kafka().address)
    const topic = await createTopic(log)
    const before = Date.now()
    await (await log.producer(topic)).append([{ topic, key: null, value: Buffer.from('v') }])
    const [record] = await log.admin.read(topic, 0, 0, patient)
    expect(record!.timestamp).toBeGreaterThanOrEqual(before)
    expect(record!.timestamp).toBeLessThanOrEqual(Date.now())
  })

  it('a broker that is not there is said to be unreachable, to be tried again', async () => {
    const log = await openTestLog('127.0.0.1:1', { limits: { retry: '200ms' } })
    await expect(log.admin.topic('users')).rejects.toMatchObject({ code: 'LOG_UNREACHABLE', retry: 'later' })
  })
})

/** As a stage does: again, with the same records, for as long as that can help. */
async function untilDone(append: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await append()
      return
    } catch (thrown) {
      if ((thrown as { retry?: string }).retry === 'never') throw thrown
    }
  }
}
