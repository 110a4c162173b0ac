import { expect, it } from 'vitest'
import { Program } from './processes.ts'
import { createTopic, openLog, temporaryLogPath } from './support.ts'

const partitions = 3
const recordsEach = 40

it.each([0, 1, 7, 23, 60])(
  'after kill -9 of an appending process with %i appends acknowledged, each of them is there, whole and once',
  async acknowledgedAtLeast => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log, { partitions })
    const appender = new Program('./appender.ts', path, String(partitions), String(recordsEach))
    while (appender.lines.length <= acknowledgedAtLeast) await appender.line()
    await appender.kill()
    while ((await appender.line()) !== null);
    const acknowledged = appender.lines.length

    const found: string[] = []
    for (const { partition, end } of await log.admin.ranges('users')) {
      let next = 0
      while (next < end) {
        const records = await log.admin.read('users', partition, next, { maxRecords: 500, maxBytes: 1e6, waitMs: 0 })
        for (const record of records) {
          expect(record.offset).toBe(next++)
          found.push(Buffer.from(record.value!).toString())
        }
      }
    }
    // The last append may have become durable without its acknowledgement being seen.
    const batches = found.length / recordsEach
    expect(batches === acknowledged || batches === acknowledged + 1, `${batches} of ${acknowledged}`).toBe(true)
    const expected = Array.from({ length: found.length }, (_, index) => {
      return `${Math.floor(index / recordsEach)}/${index % recordsEach}`
    })
    expect(found.toSorted()).toEqual(expected.toSorted())
    expect(await log.admin.committed('cursor', 'users')).toMatchObject([{ next: batches }])

    const producer = await log.producer('appender')
    const [appended] = await producer.append([{ topic: 'users', key: null, value: null, partition: 0 }])
    expect(appended?.baseOffset).toBe(Math.ceil(recordsEach / partitions) * batches)
  },
)
