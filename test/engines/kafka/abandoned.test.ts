import * as client from '@platformatic/kafka'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Cluster } from '../../../src/adapters/kafka/cluster.ts'
import { outsideOfGroup } from '../../../src/adapters/kafka/group-offsets.ts'
import { readSettings } from '../../../src/adapters/kafka/settings.ts'
import { type ProducerIdentity, TransactionRequests } from '../../../src/adapters/kafka/transaction.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import type { Log } from '../../../src/ports/log.ts'
import { createTopic, kafkaOfThisFile, openTestLog } from './support.ts'

const kafka = kafkaOfThisFile()

/** Far longer than a test waits. */
const limits = { transaction: '10m' } as const

interface Open {
  readonly requests: TransactionRequests
  readonly identity: ProducerIdentity
}

/** A group that stands at 5, and a producer that has begun to move it to 7, and to append, and goes no further. */
async function beginTransaction(log: Log, id: string, topic: string): Promise<Open> {
  const commit = { group: topic, topic, partition: 0, metadata: '' }
  await log.admin.resetOffsets([{ ...commit, next: 5 }])
  const config = { adapter: 'kafka', brokers: [kafka().address], limits } as const
  const settings = readSettings(config, { env: {}, directory: '.' })
  const cluster = new Cluster(client, settings, systemClock, systemRandom)
  onTestFinished(() => cluster.close())
  const requests = new TransactionRequests(cluster, cluster.connections, id)
  const identity = await cluster.retrying('open', id, () => requests.takeOver())
  const shares = [{ topic, partition: 0, batches: [[{ topic, key: null, value: Buffer.from('lost') }]] }]
  await cluster.retrying('begin', id, () => requests.announce(identity, shares, [topic]))
  await requests.write(identity, shares)
  await requests.commitOffsets(identity, topic, outsideOfGroup, [{ ...commit, next: 7 }])
  return { requests, identity }
}

describe('a transaction that a member left open', () => {
  it('is aborted for the next owner of its partition, long before its time is over', async () => {
    const log = await openTestLog(kafka().address)
    const topic = await createTopic(log)
    await beginTransaction(log, `${topic}.letters.gone`, topic)
    const subscription = await log.subscribe({ group: topic, topic, member: 'next', producers: `${topic}.letters.` })
    const event = await subscription.next({ maxRecords: 10, maxBytes: 1e6, waitMs: 60_000 })
    expect(event).toMatchObject({ kind: 'assigned', partition: 0, committed: { next: 5 } })
    await (await log.producer(topic)).append([{ topic, key: null, value: Buffer.from('kept'), partition: 0 }])
    const records = await log.admin.read(topic, 0, 0, { maxRecords: 10, maxBytes: 1e6, waitMs: 60_000 })
    expect(records.map(({ value }) => Buffer.from(value!).toString())).toEqual(['kept'])
  })

  it.each([
    ['of a member that lives', 'letters', 'living'],
    ['of what is no producer of members', 'others', 'gone'],
  ])('stays open if it is that %s', async (_, kind, owner) => {
    const log = await openTestLog(kafka().address, { limits: { retry: '3s' } })
    const topic = await createTopic(log)
    const { requests, identity } = await beginTransaction(log, `${topic}.${kind}.${owner}`, topic)
    const subscription = await log.subscribe({ group: topic, topic, member: 'living', producers: `${topic}.letters.` })
    await expect(subscription.next({ maxRecords: 10, maxBytes: 1e6, waitMs: 60_000 })).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retry: 'later',
    })
    await requests.commit(identity)
    const event = await subscription.next({ maxRecords: 10, maxBytes: 1e6, waitMs: 60_000 })
    expect(event).toMatchObject({ kind: 'assigned', partition: 0, committed: { next: 7 } })
  })
})
