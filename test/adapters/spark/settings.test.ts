import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { kafkaOptions } from '../../../src/adapters/spark/kafka-options.ts'
import { readSettings } from '../../../src/adapters/spark/settings.ts'
import { sinkOptions } from '../../../src/adapters/spark/sink-options.ts'
import { compile } from '../../../src/plan/compile.ts'
import type { StreamPlan } from '../../../src/plan/plan.ts'
import { pipeline } from '../../../src/sdk/pipeline.ts'
import { table } from '../../../src/sdk/table.ts'
import type { CassandraConfig } from '../../../src/sdk/targets/cassandra.ts'
import type { KafkaConfig } from '../../../src/sdk/targets/kafka.ts'
import type { SparkConfig } from '../../../src/sdk/targets/spark.ts'
import { topic } from '../../../src/sdk/topic.ts'
import { t } from '../../../src/sdk/types.ts'

function directoryWith(files: { readonly [name: string]: string } = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  return directory
}

const spark = { adapter: 'spark', url: 'sc://127.0.0.1:15002', checkpoints: 's3a://bucket/checkpoints' } as const
const around = { env: { TOKEN: 'secret', PASSWORD: 'pass"word\\' }, directory: '/project' }

const read = (config: Partial<SparkConfig>, surroundings = around) =>
  readSettings({ ...spark, ...config }, surroundings)

describe('settings of Spark', () => {
  it('have defaults', () => {
    expect(read({})).toEqual({
      endpoint: { host: '127.0.0.1', port: 15_002, tls: false, token: null, userId: 'millrace', headers: {} },
      checkpoints: 's3a://bucket/checkpoints',
      trigger: { processing_time_interval: '0 seconds', output_mode: 'append' },
      maxOffsetsPerTrigger: 100_000,
      conf: {},
    })
  })

  it('take the token from the environment or from a file', () => {
    expect(read({ token: { env: 'TOKEN' } }).endpoint.token).toBe('secret')
    const directory = directoryWith({ token: 'in the file\n'.replaceAll(' ', '-') })
    expect(read({ token: { file: 'token' } }, { ...around, directory }).endpoint.token).toBe('in-the-file')
    expect(() => read({ token: { env: 'NONE' } })).toThrow('The environment variable NONE is not set.')
    expect(() => read({ token: { file: 'none' } })).toThrow('The file cannot be read')
  })

  it.each([
    ['s3a://bucket/a/', 's3a://bucket/a'],
    ['hdfs:///user/a', 'hdfs:///user/a'],
    ['file:/data/a', 'file:/data/a'],
    ['/data/a', 'file:///data/a'],
    ['.millrace/checkpoints', 'file:///project/.millrace/checkpoints'],
  ])('have %s as the checkpoints %s', (checkpoints, uri) => {
    expect(read({ checkpoints }).checkpoints).toBe(uri)
  })

  it('translate triggers', () => {
    expect(read({ trigger: '10s' }).trigger).toEqual({
      processing_time_interval: '10000 milliseconds',
      output_mode: 'append',
    })
    expect(read({ trigger: 'available-now' }).trigger).toEqual({ available_now: true, output_mode: 'append' })
    expect(read({ trigger: { realTime: '5m' } })).toMatchObject({
      trigger: { real_time_batch_duration: '300000 milliseconds', output_mode: 'update' },
      maxOffsetsPerTrigger: null,
      conf: { 'spark.sql.streaming.realTimeMode.allowlistCheck': 'false' },
    })
  })

  it('let real-time mode commit more often where Spark is told to', () => {
    const conf = { 'spark.sql.streaming.realTimeMode.minBatchDuration': '1000' }
    expect(read({ trigger: { realTime: '1s' }, conf })).toMatchObject({
      trigger: { real_time_batch_duration: '1000 milliseconds' },
      conf,
    })
  })

  it('pass settings on to the session', () => {
    expect(read({ shufflePartitions: 4, conf: { 'spark.sql.streaming.pollingDelay': '5ms' } }).conf).toEqual({
      'spark.sql.shuffle.partitions': '4',
      'spark.sql.streaming.pollingDelay': '5ms',
    })
  })

  it.each<[Partial<{ [K in keyof SparkConfig]: unknown }>, string]>([
    [{ url: undefined }, 'spark › url'],
    [{ url: 'http://127.0.0.1' }, 'spark.remote'],
    [{ checkpoints: '' }, 'spark › checkpoints'],
    [{ trigger: {} }, 'spark › trigger'],
    [{ trigger: { realTime: '4s' } }, 'spark › trigger'],
    [{ trigger: { realTime: '5s' }, maxOffsetsPerTrigger: 100 }, 'spark › maxOffsetsPerTrigger'],
    [{ maxOffsetsPerTrigger: 0 }, 'spark › maxOffsetsPerTrigger'],
    [{ shufflePartitions: -1 }, 'spark › shufflePartitions'],
    [{ conf: { master: 'local' } }, 'spark › conf.master'],
    [{ conf: { 'spark.x': 1 } }, 'spark › conf.spark.x'],
  ])('refuse %j with its place', (config, place) => {
    expect(() => read(config as Partial<SparkConfig>)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', place }),
    )
  })
})

describe('the options that Spark reaches Kafka with', () => {
  const kafka = (config: Partial<KafkaConfig>, surroundings = around) =>
    kafkaOptions({ adapter: 'kafka', brokers: ['a:9092', 'b:9092'], ...config }, surroundings)

  it('are the brokers only, where nothing is secured', () => {
    expect(kafka({})).toEqual({
      'kafka.bootstrap.servers': 'a:9092,b:9092',
      'kafka.security.protocol': 'PLAINTEXT',
      'kafka.transaction.timeout.ms': '20000',
    })
  })

  it('have user and password as Java wants them, quoted', () => {
    const sasl = { mechanism: 'SCRAM-SHA-512', user: 'me', password: { env: 'PASSWORD' } } as const
    expect(kafka({ sasl, tls: {} })).toEqual({
      ...kafka({}),
      'kafka.security.protocol': 'SASL_SSL',
      'kafka.sasl.mechanism': 'SCRAM-SHA-512',
      'kafka.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required username="me" password="pass\\"word\\\\";',
    })
    expect(kafka({ sasl: { ...sasl, mechanism: 'PLAIN' } })).toMatchObject({
      'kafka.security.protocol': 'SASL_PLAINTEXT',
      'kafka.sasl.jaas.config': expect.stringContaining('plain.PlainLoginModule'),
    })
  })

  it('have the name and the limits that Java’s clients know too', () => {
    const limits = { connect: '4s', request: '25s', transaction: '15s', retry: '1m', session: '8s' } as const
    expect(kafka({ clientId: 'shop', limits })).toEqual({
      ...kafka({}),
      'kafka.client.id': 'shop',
      'kafka.socket.connection.setup.timeout.ms': '4000',
      'kafka.socket.connection.setup.timeout.max.ms': '4000',
      'kafka.request.timeout.ms': '25000',
      'kafka.transaction.timeout.ms': '15000',
    })
  })

  it('carry certificates and keys as text', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: around.env.TOKEN } as const
    const key = privateKey.export(encrypted).toString()
    const directory = directoryWith({ ca: 'CA', cert: 'CERT', key, other: 'none' })
    const tls = { ca: 'ca', cert: 'cert', key: 'key', passphrase: { env: 'TOKEN' } }
    expect(kafka({ tls }, { ...around, directory })).toMatchObject({
      'kafka.security.protocol': 'SSL',
      'kafka.ssl.truststore.type': 'PEM',
      'kafka.ssl.truststore.certificates': 'CA',
      'kafka.ssl.keystore.type': 'PEM',
      'kafka.ssl.keystore.certificate.chain': 'CERT',
      'kafka.ssl.keystore.key': privateKey.export({ type: 'pkcs8', format: 'pem' }),
    })
    for (const unreadable of [{ passphrase: { env: 'PASSWORD' } }, { key: 'other' }]) {
      expect(() => kafka({ tls: { ...tls, ...unreadable } }, { ...around, directory })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', place: 'kafka › tls.key' }),
      )
    }
  })

  it('are refused where Java’s client cannot do it', () => {
    const refused = expect.objectContaining({ code: 'CONFIG_INVALID' })
    expect(() => kafka({ tls: { serverName: 'broker' } })).toThrow(refused)
    expect(() => kafka({ sasl: { mechanism: 'OAUTHBEARER', token: { env: 'TOKEN' } } })).toThrow(refused)
  })
})

describe('the options of the sink', () => {
  const value = t.record('Order', { id: t.text() })
  const plan = compile(
    pipeline('shop').stream('load', {
      from: topic('orders', { key: 'id', value }),
      into: table('shop.orders', { row: value, primaryKey: ['id'] }),
    }),
  )
  const declared = { stage: plan.stages[0] as StreamPlan, topic: plan.topics[0]!, table: plan.tables[0]! }
  const sink = (config: Partial<CassandraConfig>, surroundings = around) =>
    sinkOptions(
      { adapter: 'cassandra', contactPoints: ['a', 'b:9043'], localDataCenter: 'dc1', ...config },
      { 'kafka.bootstrap.servers': 'a:9092' },
      declared,
      'orders-from-start',
      surroundings,
    )

  it('say what is written and for whom', () => {
    expect(sink({})).toEqual({
      ...{ contactPoints: 'a,b:9043', localDataCenter: 'dc1', 'kafka.bootstrap.servers': 'a:9092' },
      ...{ table: 'shop.orders', stage: 'shop/load', topic: 'orders', appendOnly: 'false', group: 'shop.load' },
      ...{ checkpoint: 'orders-from-start', deadLetters: 'true', deadLetterTopic: 'orders.dlq' },
    })
  })

  it('have what the target says of the cluster', () => {
    const directory = directoryWith({ ca: 'CA' })
    const config: Partial<CassandraConfig> = {
      consistency: 'QUORUM',
      auth: { user: 'me', password: { env: 'PASSWORD' } },
      tls: { ca: 'ca' },
      limits: { timeout: '3s', requestsInFlight: 4, bytesInFlight: '1 MiB', maxRowBytes: '2 MiB' },
    }
    expect(sink(config, { ...around, directory })).toMatchObject({
      ...{
        consistency: 'QUORUM',
        user: 'me',
        password: around.env.PASSWORD,
        tls: 'true',
        'tls.ca': join(directory, 'ca'),
      },
      ...{ timeout: '3000ms', requestsInFlight: '4', bytesInFlight: '1048576', maxRowBytes: '2097152' },
    })
    const refused = expect.objectContaining({ code: 'CONFIG_INVALID', place: 'cassandra › tls.serverName' })
    expect(() => sink({ tls: { serverName: 'node' } })).toThrow(refused)
  })
})
