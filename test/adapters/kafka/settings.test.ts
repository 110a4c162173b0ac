import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../src/adapters/kafka/settings.ts'
import { maxRecordBytesOf, retentionOf, toNewTopicSettings } from '../../../src/adapters/kafka/topic-settings.ts'
import type { KafkaConfig } from '../../../src/sdk/targets/kafka.ts'

const surroundings = { env: { PASSWORD: 'hidden', TOKEN: 'ticket' }, directory: import.meta.dirname }
const config: KafkaConfig = { adapter: 'kafka', brokers: ['one:9092', '[::1]:9093'] }

describe('the settings of a target on Kafka', () => {
  it('have defaults for everything but the brokers', () => {
    expect(readSettings(config, surroundings)).toEqual({
      clientId: 'millrace',
      brokers: [
        { host: 'one', port: 9092 },
        { host: '::1', port: 9093 },
      ],
      groups: 'auto',
      connection: { connectTimeout: 5_000, requestTimeout: 30_000 },
      retryMs: 10_000,
      sessionTimeoutMs: 10_000,
      transactionTimeoutMs: 20_000,
    })
  })

  it('take secrets from the environment and certificates from files', () => {
    const { connection } = readSettings(
      {
        ...config,
        sasl: { mechanism: 'SCRAM-SHA-512', user: 'bob', password: { env: 'PASSWORD' } },
        tls: { ca: 'settings.test.ts', serverName: 'broker' },
      },
      surroundings,
    )
    expect(connection.sasl).toEqual({ mechanism: 'SCRAM-SHA-512', username: 'bob', password: 'hidden' })
    expect(String(connection.tls?.ca)).toContain('take secrets')
    expect(connection.tlsServerName).toBe('broker')
    const token = readSettings({ ...config, sasl: { mechanism: 'OAUTHBEARER', token: { env: 'TOKEN' } } }, surroundings)
    expect(token.connection.sasl).toMatchObject({ mechanism: 'OAUTHBEARER', token: 'ticket' })
  })

  it.each<[string, Partial<KafkaConfig>, string]>([
    ['no broker', { brokers: [] }, 'kafka › brokers'],
    ['a broker without a port', { brokers: ['one'] }, 'kafka › brokers'],
    [
      'a secret that is not set',
      { sasl: { mechanism: 'PLAIN', user: 'u', password: { env: 'NONE' } } },
      'kafka › sasl.password',
    ],
    ['a mechanism that is none', { sasl: { mechanism: 'GSSAPI' } as never }, 'kafka › sasl.mechanism'],
    ['a certificate without its key', { tls: { cert: 'settings.test.ts' } }, 'kafka › tls'],
    ['a file that is not there', { tls: { ca: 'nowhere.pem' } }, 'kafka › tls.ca'],
  ])('are refused with %s', (_what, settings, place) => {
    expect(() => readSettings({ ...config, ...settings }, surroundings)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', place }),
    )
  })

  it('name no secret in an error', () => {
    const password = { env: 'PASSWORD' }
    const tls = { ca: join('nowhere', 'ca.pem') }
    try {
      readSettings({ ...config, sasl: { mechanism: 'PLAIN', user: 'u', password }, tls }, surroundings)
      expect.unreachable()
    } catch (error) {
      expect(JSON.stringify(error)).not.toContain('hidden')
    }
  })
})

describe('the settings of a topic', () => {
  const spec = { name: 'users', partitions: 1, replication: 1, retentionMs: 5_000, maxRecordBytes: 1_000 }

  it('say what was asked for, and read back as that', () => {
    const settings = toNewTopicSettings(spec)
    expect(settings['message.timestamp.type']).toBe('LogAppendTime')
    expect(maxRecordBytesOf(settings)).toBe(1_000)
    expect(retentionOf(settings)).toBe(5_000)
    // A batch with the largest record and the most headers fits.
    expect(Number(settings['max.message.bytes'])).toBeGreaterThan(1_000 + 64 * 1024 + 61)
  })

  it('for ever is the longest time there is', () => {
    expect(retentionOf({ 'retention.ms': '-1' })).toBe(Number.MAX_SAFE_INTEGER)
  })
})
