import * as client from '@platformatic/kafka'
import { describe, expect, it } from 'vitest'
import { Cluster } from '../../../src/adapters/kafka/cluster.ts'
import { readSettings } from '../../../src/adapters/kafka/settings.ts'
import { TransactionRequests } from '../../../src/adapters/kafka/transaction.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import type { NewRecord, Subscription } from '../../../src/ports/log.ts'
import { createTopic, kafkaOfThisFile, openTestLog } from './support.ts'

const kafka = kafkaOfThisFile()
const patient = { maxRecords: 1_000, maxBytes: 10_000_000, waitMs: 20_000 }

/** Writes records in a transaction that is aborted. */
async function appendAborted(records: readonly NewRecord[]): Promise<void> {
  const settings = readSettings({ adapter: 'kafka', brokers: [kafka().address] }, { env: {}, directory: '.' })
  const cluster = new Cluster(client, settings, systemClock, systemRandom)
  const requests = new TransactionRequests(cluster, cluster.connections, 'aborting')
  const identity = await requests.takeOver()
  const shares = [{ topic: records[0]!.topic, partition: 0, batches: [records] }]
  await requests.announce(identity, shares, [])
  await requests.write(identity, shares)
  await requests.abort(identity)
  await cluster.close()
}

/** What is read from an offset on until the end of the range is reached. */
async function readToEnd(subscription: Subscription, from: number, end: number): Promise<string[]> {
  const values: string[] = []
  subscription.seek(0, from)
  for (let next = from; next < end; ) {
    const event = await subscription.next(patient)
    if (event.kind !== 'batch') throw new Error(`Got ${event.kind} at ${next} of ${end}.`)
    values.push(...event.records.map(({ value }) => Buffer.from(value!).toString()))
    next = event.next
  }
  return values
}

describe('what an aborted transaction leaves behind', () => {
  it('is passed without a record, at the end of a partition, too', async () => {
    const log = await openTestLog(kafka().address)
    const topic = await createTopic(log)
    const of = (value: string) => ({ topic, key: null, value: Buffer.from(value), partition: 0 })
    await (await log.producer(topic)).append([of('a'), of('b')])
    await appendAborted([of('lost'), of('lost')])
    const { end } = (await log.admin.ranges(topic))[0]!
    const subscription = await log.subscribe({ group: topic, topic, member: 'm' })
    expect((await subscription.next(patient)).kind).toBe('assigned')
    expect(await readToEnd(subscription, 0, end)).toEqual(['a', 'b'])
    expect(await readToEnd(subscription, 2, end)).toEqual([])
    expect(await subscription.next({ ...patient, waitMs: 100 })).toEqual({ kind: 'idle' })
  })
})
