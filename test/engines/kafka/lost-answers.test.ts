import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Log } from '../../../src/ports/log.ts'
import { type RunningEngine, startEngine } from '../../../src/stack/start-engine.ts'
import { createTopic, freePorts, makeTransactionTopic, openTestLog } from './support.ts'

const endTransaction = 26

/** Stands before a broker. While asked to, cuts a connection when the broker answers the end of a transaction on it. */
class CuttingProxy {
  cutting = false
  cuts = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(port: number, brokerPort: number) {
    this.#server = createServer(client => this.#connect(client, brokerPort)).listen(port, '127.0.0.1')
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #connect(client: Socket, brokerPort: number): void {
    const broker = createConnection(brokerPort, '127.0.0.1')
    let ends = false
    client.on('data', chunk => {
      // This client writes a request at once, and its length and key come first.
      if (this.cutting && chunk.length > 6 && chunk.readInt16BE(4) === endTransaction) ends = true
      broker.write(chunk)
    })
    broker.on('data', chunk => {
      if (ends) {
        this.cuts++
        client.destroy()
      } else client.write(chunk)
    })
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => other.destroy())
    }
  }
}

const directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
let engine: RunningEngine | undefined
let proxy: CuttingProxy
let address = ''

beforeAll(async () => {
  const [client, controller, proxied] = await freePorts(3)
  address = `127.0.0.1:${proxied}`
  proxy = new CuttingProxy(proxied!, client!)
  engine = await startEngine('kafka', {
    directory,
    ports: { client: client!, controller: controller! },
    settings: { 'advertised.listeners': `PLAINTEXT://${address},CONTROLLER://127.0.0.1:${controller}` },
  })
  await makeTransactionTopic(address)
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

describe('an append whose end is not answered', () => {
  const values = (topic: string, ...texts: string[]) =>
    texts.map(text => ({ topic, key: null, value: Buffer.from(text), partition: 0 }))

  it('has an unknown outcome, and appended again is not repeated', async () => {
    const log = await openTestLog(address, { limits: { retry: '3s' } })
    const topic = await createTopic(log)
    const producer = await log.producer(topic)
    proxy.cuts = 0
    proxy.cutting = true
    const failed = await producer.append(values(topic, 'a', 'b')).catch((error: unknown) => error)
    proxy.cutting = false
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
    proxy.cutting = true
    await expect(producer.append(values(topic, 'a'))).rejects.toMatchObject({ outcome: 'unknown' })
    proxy.cutting = false
    await producer.append(values(topic, 'b'))
    expect(await readValues(log, topic)).toEqual(['a', 'b'])
  })

  it('is settled by itself if the broker answers in time', async () => {
    const log = await openTestLog(address)
    const topic = await createTopic(log)
    const producer = await log.producer(topic)
    proxy.cuts = 0
    proxy.cutting = true
    const appended = producer.append(values(topic, 'a'))
    while (proxy.cuts === 0) await new Promise(resolve => setImmediate(resolve))
    proxy.cutting = false
    expect(await appended).toHaveLength(1)
    expect(await readValues(log, topic)).toEqual(['a'])
  })
})
