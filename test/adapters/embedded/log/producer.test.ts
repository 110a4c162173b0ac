import type { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EventLoopTurns } from '../../../../src/adapters/embedded/log/event-loop-turns.ts'
import { LogFile, openLogFile } from '../../../../src/adapters/embedded/log/log-file.ts'
import { EmbeddedProducer } from '../../../../src/adapters/embedded/log/producer.ts'
import { alterTopic, requireTopic } from '../../../../src/adapters/embedded/log/topics.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'
import type { LogRecord, NewRecord } from '../../../../src/ports/log.ts'
import { createTopic, openLog, openRaw, record, temporaryLogPath } from './support.ts'

/** Lets another client grow the topic just before the next transaction. */
class GrowingLogFile extends LogFile {
  grows = false
  readonly #grow: () => void

  constructor(path: string, database: DatabaseSync, grow: () => void) {
    super(path, database)
    this.#grow = grow
  }

  override write<T>(work: () => T): T {
    if (this.grows) this.#grow()
    this.grows = false
    return super.write(work)
  }
}

const withoutKey = (value: string): NewRecord => ({ topic: 'users', key: null, value: Buffer.from(value) })

describe('an append', () => {
  it('keeps its records without a key together, and gives each partition its turn with one', async () => {
    const log = openLog(temporaryLogPath())
    await createTopic(log, { partitions: 3 })
    const producer = await log.producer('producer')
    const partitions: number[] = []
    for (let append = 0; append < 6; append++) {
      const appended = await producer.append([withoutKey('a'), withoutKey('b')])
      expect(appended).toHaveLength(1)
      partitions.push(appended[0]!.partition)
    }
    expect(partitions).toEqual([0, 1, 2, 0, 1, 2])
  })

  it('larger than a stored batch is read back whole and in order, across its parts', async () => {
    const log = openLog(temporaryLogPath())
    await createTopic(log)
    const producer = await log.producer('producer')
    const values = Array.from({ length: 3_000 }, (_, index) => `${index}:`.padEnd(400, '.'))
    expect(await producer.append(values.map(value => record(value)))).toMatchObject([{ baseOffset: 0, count: 3_000 }])
    const read: LogRecord[] = []
    while (read.length < values.length) {
      read.push(...(await log.admin.read('users', 0, read.length, { maxRecords: 701, maxBytes: 1e7, waitMs: 0 })))
    }
    expect(read.map(each => Buffer.from(each.value!).toString())).toEqual(values)
  })

  it('sees partitions that another client added meanwhile', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log)
    const producer = await log.producer('producer')
    await expect(producer.append([record('a', 1)])).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN', place: 'users[1]' })
    await openLog(path).admin.alterTopic({ ...(await log.admin.topic('users'))!, partitions: 2 })
    expect(await producer.append([record('a', 1)])).toMatchObject([{ partition: 1, baseOffset: 0 }])
  })

  it('puts keys where the grown topic has them when it grows between encoding and storing', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log)
    const other = openLogFile(path)
    const file = new GrowingLogFile(path, openRaw(path), () => {
      alterTopic(other, { ...requireTopic(other, 'users'), partitions: 7 })
    })
    onTestFinished(() => other.close())
    const producer = new EmbeddedProducer(file, systemClock, new EventLoopTurns(systemClock), 'producer')
    file.grows = true
    const appended = await producer.append([{ topic: 'users', key: Buffer.from('abc'), value: null }])
    expect(appended).toMatchObject([{ partition: 4 }])
  })

  it('is refused when a record with its headers is more than 64 KiB larger than the topic’s limit', async () => {
    const log = openLog(temporaryLogPath())
    await createTopic(log, { maxRecordBytes: 1_000 })
    const producer = await log.producer('producer')
    const headers = { reason: Buffer.alloc(1_000 + 64 * 1024) }
    await expect(producer.append([{ ...record('a'), headers }])).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      place: '0',
    })
  })

  it('stores nothing when a commit beside it is refused', async () => {
    const log = openLog(temporaryLogPath())
    await createTopic(log)
    const producer = await log.producer('producer')
    const commit = { group: 'group', topic: 'users', partition: 0, next: 1, metadata: 'x'.repeat(4_097) }
    await expect(producer.append([record('a')], [commit])).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' })
    await expect(producer.append([record('a')], [{ ...commit, topic: 'nowhere' }])).rejects.toMatchObject({
      code: 'TOPIC_UNKNOWN',
    })
    expect(await log.admin.ranges('users')).toEqual([{ partition: 0, start: 0, end: 0 }])
  })
})
