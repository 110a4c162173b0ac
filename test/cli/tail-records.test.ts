import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openEmbeddedLog } from '../../src/adapters/embedded/log/log.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { readRecords, type TailStart } from '../../src/cli/tail-records.ts'
import type { Log, LogAdmin } from '../../src/ports/log.ts'
import { temporaryDirectory } from '../support.ts'

const topic = 'ticks'

async function openLog(count: number): Promise<Log> {
  const log = openEmbeddedLog({ path: join(temporaryDirectory(), 'log.db'), clock: systemClock })
  onTestFinished(() => log.close())
  await log.admin.createTopic({ name: topic, partitions: 3, replication: 1, retentionMs: 1e9, maxRecordBytes: 1e6 })
  await append(log, 0, count)
  return log
}

async function append(log: Log, from: number, to: number): Promise<void> {
  const producer = await log.producer('test')
  for (let i = from; i < to; i++) await producer.append([{ topic, key: Buffer.from(`${i}`), value: null }])
  await producer.close()
}

/** The keys of so many records, in the order they come. */
async function keys(admin: LogAdmin, from: TailStart, follow: boolean, count = 1000): Promise<readonly number[]> {
  const { signal } = new AbortController()
  const all: number[] = []
  for await (const page of readRecords(admin, { topic, partition: null, from, follow, clock: systemClock, signal })) {
    all.push(...page.map(({ key }) => Number(Buffer.from(key!).toString())))
    if (all.length >= count) break
  }
  return all
}

/** Appends while the records there were are being read. */
function appendingOnRead(log: Log, from: number, to: number): LogAdmin {
  let appended = false
  return new Proxy(log.admin, {
    get(admin, property) {
      if (property !== 'read') return Reflect.get(admin, property).bind(admin)
      return async (...args: Parameters<LogAdmin['read']>) => {
        if (!appended) await append(log, from, to)
        appended = true
        return admin.read(...args)
      }
    },
  })
}

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

it('reads every record of every partition once, and ends at the last there was', async () => {
  const log = await openLog(50)
  expect(sorted(await keys(log.admin, { kind: 'start' }, false))).toEqual(range(0, 50))
  expect(sorted(await keys(appendingOnRead(log, 50, 60), { kind: 'start' }, false))).toEqual(range(0, 50))
})

it('begins with the newest records and then misses none that arrive meanwhile', async () => {
  const log = await openLog(50)
  const followed = await keys(appendingOnRead(log, 50, 60), { kind: 'newest', count: 5 }, true, 15)
  expect(sorted(followed.slice(5))).toEqual(range(50, 60))
  expect(new Set(followed).size).toBe(15)
})
