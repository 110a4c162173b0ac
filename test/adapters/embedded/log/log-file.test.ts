import { writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EventLoopTurns } from '../../../../src/adapters/embedded/log/event-loop-turns.ts'
import { openLogFile } from '../../../../src/adapters/embedded/log/log-file.ts'
import { EmbeddedProducer } from '../../../../src/adapters/embedded/log/producer.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'
import type { SubscriptionEvent } from '../../../../src/ports/log.ts'
import { createTopic, nextOf, openLog, openRaw, patient, record, temporaryLogPath } from './support.ts'

describe('the file of a log', () => {
  it('is refused when a newer version wrote it', () => {
    const path = temporaryLogPath()
    openLog(path)
    openRaw(path).exec('PRAGMA user_version = 2')
    expect(() => openLog(path)).toThrowError(expect.objectContaining({ code: 'STATE_VERSION', place: path }))
  })

  it('is refused when it is something else', () => {
    const path = temporaryLogPath()
    writeFileSync(path, 'not a database, but long enough to look at. '.repeat(100))
    expect(() => openLog(path)).toThrowError(expect.objectContaining({ code: 'STATE_CORRUPT' }))
  })

  it('keeps every commit through a power failure: synchronous FULL, write-ahead log', () => {
    const path = temporaryLogPath()
    const file = openLogFile(path)
    onTestFinished(() => file.close())
    expect(file.get('PRAGMA synchronous')).toMatchObject({ synchronous: 2 })
    expect(file.get('PRAGMA journal_mode')).toMatchObject({ journal_mode: 'wal' })
  })

  it('names the batch when stored records were damaged, and reads on after it', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log)
    const producer = await log.producer('producer')
    for (const value of ['first', 'second', 'third']) await producer.append([record(value)])
    openRaw(path).exec(
      `UPDATE batches SET data = CAST(replace(data, 'second', 'sECOND') AS BLOB) WHERE base_offset = 1`,
    )
    const corrupt = expect.objectContaining({ code: 'LOG_CORRUPT', place: 'users[0]@1' })
    await expect(log.admin.read('users', 0, 1, patient)).rejects.toEqual(corrupt)
    const subscription = await log.subscribe({ group: 'group', topic: 'users', member: 'member' })
    await nextOf(subscription, 'assigned')
    subscription.seek(0, 1)
    await expect(subscription.next(patient)).rejects.toEqual(corrupt)
    subscription.seek(0, 2)
    const { records } = await nextOf(subscription, 'batch')
    expect(records.map(each => String(Buffer.from(each.value!)))).toEqual(['third'])
  })

  it('that lost a batch from its middle is corrupt there, not shorter', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log)
    const producer = await log.producer('producer')
    for (const value of ['first', 'second', 'third']) await producer.append([record(value)])
    openRaw(path).exec('DELETE FROM batches WHERE base_offset = 1')
    await expect(log.admin.read('users', 0, 1, patient)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  })
})

describe('a full disk', () => {
  it('refuses an append whole, and the same append succeeds when there is room', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log, { partitions: 2 })
    const file = openLogFile(path)
    onTestFinished(() => file.close())
    const producer = new EmbeddedProducer(file, systemClock, new EventLoopTurns(systemClock), 'producer')
    await producer.append([record('before')])
    const { page_count } = file.get<{ page_count: number }>('PRAGMA page_count')!
    file.database.exec(`PRAGMA max_page_count = ${page_count + 4}`)
    const large = [record('small', 0), record('x'.repeat(500_000), 1)]
    const commit = { group: 'group', topic: 'users', partition: 0, next: 1, metadata: '' }
    const full = expect.objectContaining({ code: 'STORAGE_FULL', retry: 'later', outcome: 'failed' })
    await expect(producer.append(large, [commit])).rejects.toEqual(full)
    expect((await log.admin.ranges('users')).map(range => range.end)).toEqual([1, 0])
    expect(await log.admin.committed('group', 'users')).toEqual([])
    file.database.exec('PRAGMA max_page_count = 1000000')
    expect(await producer.append(large, [commit])).toMatchObject([{ baseOffset: 1 }, { baseOffset: 0 }])
  })
})

it('a path that cannot be written is said to be so', () => {
  const missing = `${temporaryLogPath()}-missing/log.sqlite`
  expect(() => openLog(missing)).toThrowError(expect.objectContaining({ code: 'STATE_READ_ONLY' }))
})

describe('a thread that reads while another one appends', () => {
  it('gets every record once, in order, while it is appended', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log, { partitions: 2 })
    const worker = new Worker(new URL('./member-thread.ts', import.meta.url), {
      workerData: { path, sessionTimeoutMs: 10_000 },
    })
    const next = [0, 0]
    const total = 200 * 50
    try {
      const all = new Promise<void>((resolve, reject) => {
        worker.once('error', reject)
        worker.on('message', (event: SubscriptionEvent) => {
          if (event.kind !== 'batch') return
          for (const { offset, value } of event.records) {
            const expected = `${event.partition}:${next[event.partition]!++}`
            if (Buffer.from(value!).toString() !== expected) reject(new Error(`${expected} was not next, at ${offset}`))
          }
          if (next[0]! + next[1]! === total) resolve()
        })
      })
      const producer = await log.producer('producer')
      const sent = [0, 0]
      for (let append = 0; append < 200; append++) {
        await producer.append(
          Array.from({ length: 50 }, (_, index) => record(`${index % 2}:${sent[index % 2]!++}`, index % 2)),
        )
      }
      await all
    } finally {
      await worker.terminate()
    }
  })
})
