import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConnectionPool, describeTransactionsV0 } from '@platformatic/kafka'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import { persist } from '../../../src/engine/backoff.ts'
import type { Log } from '../../../src/ports/log.ts'
import { type RunningEngine, startEngine } from '../../../src/stack/start-engine.ts'
import { CuttingProxy, requestKeys } from './cutting-proxy.ts'
import { createTopic, freePorts, kafkaKind, makeTransactionTopic, openTestLog } from './support.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
let engine: RunningEngine | undefined
let proxy: CuttingProxy
let address = ''
let brokerPort = 0

beforeAll(async () => {
  const [client, other, proxied] = await freePorts(3)
  address = `127.0.0.1:${proxied}`
  brokerPort = client!
  proxy = new CuttingProxy(proxied!, brokerPort)
  const proxiedListener = `PLAINTEXT://${address}`
  engine = await startEngine(kafkaKind, {
    directory,
    ports: { client: client!, controller: other!, zookeeper: other! },
    settings: {
      'advertised.listeners':
        kafkaKind === 'kafka' ? `${proxiedListener},CONTROLLER://127.0.0.1:${other}` : proxiedListener,
      'transaction.abort.timed.out.transaction.cleanup.interval.ms': '100',
    },
  })
  await makeTransactionTopic(address)
})

afterEach(() => {
  proxy.fateOf = () => 'passes'
})

afterAll(async () => {
  proxy?.close()
  await engine?.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function readValues(log: Log, topic: string): Promise<string[]> {
  const records = await log.admin.read(topic, 0, 0, { maxRecords: 100, maxBytes: 10_000, waitMs: 20_000 })
  const { end } = (await log.admin.ranges(topic))[0]!
  const next = records.at(-1)!.offset + 1
  const more = next < end ? await log.admin.read(topic, 0, next, { maxRecords: 100, maxBytes: 10_000, waitMs: 0 }) : []
  return [...records, ...more].map(({ value }) => Buffer.from(value!).toString())
}

const values = (topic: string, ...texts: string[]) =>
  texts.map(text => ({ topic, key: null, value: Buffer.from(text), partition: 0 }))

describe('an append whose end is not answered', () => {
  it('has an unknown outcome, and appended again is not repeated', async () => {
    const log = await openTestLog(address, { limits: { retry: '3s' } })
    const topic = await createTopic(log)
    const producer = await log.producer(topic)
    proxy.cuts = 0
    proxy.fateOf = key => (key === requestKeys.endTransaction ? 'unanswered' : 'passes')
    const failed = await producer.append(values(topic, 'a', 'b')).catch((error: unknown) => error)
    proxy.fateOf = () => 'passes'
    expect(failed).toMatchObject({ code: 'LOG_UNREACHABLE', outcome: 'unknown', retry: 'later' })
    expect(proxy.cuts).toBeGreaterThan(1)
    expect(await producer.append(values(topic, 'a', 'b'))).toEqual([{ topic, partition: 0, baseOffset: 0, count: 2 }])
    await producer.append(values(topic, 'c'))
    expect(await readValues(log, topic)).toEqual(['a', 'b', 'c'])
  })

  it('is kept when something else is appended next', async () => {
    const log = await openTestLog(address, { limits: { retry: '300ms' } })
    const topic = await createTopic(log)
    const producer = await log.producer(topic)
    proxy.fateOf = key => (key === requestKeys.endTransaction ? 'unanswered' : 'passes')
    await expect(producer.append(values(topic, 'a'))).rejects.toMatchObject({ outcome: 'unknown' })
    proxy.fateOf = () => 'passes'
    await producer.append(values(topic, 'b'))
    expect(await readValues(log, topic)).toEqual(['a', 'b'])
  })

  it('is settled by itself if the broker answers in time', async () => {
    const log = await openTestLog(address)
    const topic = await createTopic(log)
    const producer = await log.producer(topic)
    proxy.cuts = 0
    proxy.fateOf = key => (key === requestKeys.endTransaction ? 'unanswered' : 'passes')
    const appended = producer.append(values(topic, 'a'))
    while (proxy.cuts === 0) await new Promise(resolve => setImmediate(resolve))
    proxy.fateOf = () => 'passes'
    expect(await appended).toHaveLength(1)
    expect(await readValues(log, topic)).toEqual(['a'])
  })
})

describe('an append that is cut off for longer than a transaction may take', () => {
  const impatient = { limits: { retry: '200ms', transaction: '1s' } } as const
  const openProducer = async (id: string) => {
    const log = await openTestLog(address, impatient)
    return patiently(() => log.producer(id))
  }
  const ofProducers: readonly number[] = Object.values(requestKeys)

  /** Cuts a producer off at its first request of a kind, until the broker has aborted its transaction. */
  async function cutOff(producer: string, at: number, append: () => Promise<unknown>): Promise<void> {
    let begun = false
    proxy.fateOf = key => {
      begun ||= key === at
      return begun && ofProducers.includes(key) ? 'lost' : 'passes'
    }
    await expect(append()).rejects.toMatchObject({ code: 'LOG_UNREACHABLE', retry: 'later' })
    await until('CompleteAbort', producer)
    proxy.fateOf = () => 'passes'
  }

  for (const at of ['produce', 'endTransaction'] as const) {
    it(`is made once when the broker is back, cut off at ${at}`, async () => {
      const log = await openTestLog(address)
      const topic = await createTopic(log)
      const producer = await openProducer(topic)
      const commit = { group: topic, topic, partition: 0, next: 1, metadata: 'one' }
      await patiently(() => producer.append(values(topic, 'a'), [commit]))
      const append = () => producer.append(values(topic, 'b', 'c'), [{ ...commit, next: 2, metadata: 'two' }])
      await cutOff(topic, requestKeys[at], append)
      await patiently(append)
      await patiently(() => producer.append(values(topic, 'd')))
      expect(await readValues(log, topic)).toEqual(['a', 'b', 'c', 'd'])
      expect(await log.admin.committed(topic, topic)).toMatchObject([{ next: 2, metadata: 'two' }])
    })

    it(`is fenced if another has taken over meanwhile, cut off at ${at}`, async () => {
      const log = await openTestLog(address)
      const topic = await createTopic(log)
      const producer = await openProducer(topic)
      const commit = { group: topic, topic, partition: 0, next: 1, metadata: 'first' }
      const append = () => producer.append(values(topic, 'first'), [commit])
      await cutOff(topic, requestKeys[at], append)
      const other = await log.producer(topic)
      await expect(patiently(append)).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
      await other.append(values(topic, 'second'), [{ ...commit, metadata: 'second' }])
      expect(await readValues(log, topic)).toEqual(['second'])
      expect(await log.admin.committed(topic, topic)).toMatchObject([{ next: 1, metadata: 'second' }])
    })
  }
})

/** As a stage does it, for as long as trying again can help. */
function patiently<T>(work: () => Promise<T>): Promise<T> {
  return persist(work, {
    ...{ clock: systemClock, random: systemRandom, backoff: { firstMs: 50, maxMs: 200 } },
    ...{ signal: AbortSignal.timeout(100_000), onFailure: () => {} },
  })
}

/** Waits until the transaction of a producer is in a state, as the broker itself says. */
async function until(state: string, producer: string): Promise<void> {
  const connections = new ConnectionPool('test', {})
  try {
    const connection = await connections.get({ host: '127.0.0.1', port: brokerPort })
    await expect
      .poll(
        async () => {
          const { transactionStates } = await describeTransactionsV0.api.async(connection, [producer])
          return transactionStates[0]!.transactionState
        },
        { timeout: 60_000, interval: 50 },
      )
      .toBe(state)
  } finally {
    await connections.close()
  }
}
