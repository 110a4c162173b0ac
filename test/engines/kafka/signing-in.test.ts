import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KafkaSasl } from '../../../src/sdk/targets/kafka.ts'
import { type RunningEngine, startEngine } from '../../../src/stack/start-engine.ts'
import { createTopic, freePorts, openTestLog } from './support.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
let engine: RunningEngine | undefined
let address = ''

beforeAll(async () => {
  const [client, controller, sasl] = await freePorts(3)
  const listeners = `PLAINTEXT://127.0.0.1:${client},CONTROLLER://127.0.0.1:${controller},SASL://127.0.0.1:${sasl}`
  address = `127.0.0.1:${sasl}`
  engine = await startEngine('kafka', {
    directory,
    ports: { client: client!, controller: controller! },
    settings: {
      listeners,
      'advertised.listeners': listeners,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl.plain.sasl.jaas.config':
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="right";',
    },
  })
})

afterAll(async () => {
  await engine?.stop()
  rmSync(directory, { recursive: true, force: true })
})

const alice: KafkaSasl = { mechanism: 'PLAIN', user: 'alice', password: { env: 'PASSWORD' } }

describe('signing in at Kafka', () => {
  it('works with user and password, for all kinds of connections', async () => {
    const log = await openTestLog(address, { sasl: alice }, { PASSWORD: 'right' })
    const topic = await createTopic(log)
    const producer = await log.producer(topic)
    await producer.append([{ topic, key: null, value: Buffer.from('v') }])
    const subscription = await log.subscribe({ group: topic, topic, member: 'm' })
    const patient = { maxRecords: 10, maxBytes: 1_000, waitMs: 20_000 }
    expect((await subscription.next(patient)).kind).toBe('assigned')
    subscription.seek(0, 0)
    expect((await subscription.next(patient)).kind).toBe('batch')
  })

  it('is refused for good with another password, which the error does not show', async () => {
    const log = await openTestLog(address, { sasl: alice }, { PASSWORD: 'wrong-one' })
    const refused = await log.admin.topics().catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'LOG_REFUSED', retry: 'never' })
    expect(JSON.stringify(refused)).not.toContain('wrong-one')
  })

  it('is missed by the broker where it is left out', async () => {
    const log = await openTestLog(address, { limits: { retry: '100ms', request: '2s' } })
    await expect(log.admin.topics()).rejects.toMatchObject({ code: 'LOG_UNREACHABLE' })
  })
})
