import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Producer } from '@platformatic/kafka'
import cassandra from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { TargetConfig } from '../../../src/sdk/config.ts'
import { type RunningEngine, startEngine } from '../../../src/stack/start-engine.ts'
import { temporaryDirectory } from '../../support.ts'
import { configOf } from '../cassandra/cluster.ts'
import { securedSettings } from '../cassandra/secured-settings.ts'
import { sentRecord } from '../faults/sent-record.ts'
import { userEncoding } from '../faults/user-encoding.ts'
import { runMillrace, type Surroundings, stage, topic, tryMillrace, until } from '../faults/workers.ts'
import { createCertificates } from '../kafka/certificates.ts'
import { createScramUser } from '../kafka/scram-user.ts'
import { freePorts } from '../kafka/support.ts'
import { buildSink } from './build-sink.ts'
import { recordOf } from './spark-scene.ts'
import { SparkServer } from './spark-server.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-secured-'))
const file = (name: string) => join(directory, name)
/** Of our certificate's key, of the user at Kafka, of the user at Cassandra. */
const env = { PASSPHRASE: 'opensesame', KAFKA_PASSWORD: 'right', CASSANDRA_PASSWORD: 'cassandra' }

const server = new SparkServer()
const started: RunningEngine[] = []
let plaintext = ''
let target: TargetConfig

/** Kafka with a listener that asks for a certificate, user and password, over TLS, and another one for the brokers and the test. */
async function startKafka(): Promise<string> {
  const [client, controller, secured] = await freePorts(3)
  plaintext = `127.0.0.1:${client}`
  const listeners = `PLAINTEXT://${plaintext},CONTROLLER://127.0.0.1:${controller},SECURED://127.0.0.1:${secured}`
  const settings = {
    listeners,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL',
    'listener.name.secured.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.secured.scram-sha-512.sasl.jaas.config':
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'listener.name.secured.ssl.client.auth': 'required',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': file('broker.store.pem'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': file('ca.pem'),
  }
  const ports = { client: client!, controller: controller! }
  started.push(await startEngine('kafka', { directory: file('kafka'), ports, settings }))
  await createScramUser(plaintext, 'bob', env.KAFKA_PASSWORD)
  return `127.0.0.1:${secured}`
}

beforeAll(async () => {
  createCertificates(directory, env.PASSPHRASE)
  const settings = securedSettings(directory)
  const [brokers, registry, database] = await Promise.all([
    startKafka(),
    startEngine('schema-registry', { directory: file('registry') }),
    startEngine('cassandra', { directory: file('cassandra'), settings }),
    buildSink(),
  ])
  started.push(registry, database)
  const { tokenFile } = server.engine.connection as { readonly tokenFile: string }
  const ours = { cert: file('client.pem'), key: file('client.key'), passphrase: { env: 'PASSPHRASE' } }
  const tls = { ca: file('ca.pem'), ...ours }
  target = {
    log: {
      adapter: 'kafka',
      brokers: [brokers],
      clientId: 'secured',
      tls,
      sasl: { mechanism: 'SCRAM-SHA-512', user: 'bob', password: { env: 'KAFKA_PASSWORD' } },
      limits: { connect: '10s', request: '40s' },
    },
    registry: { adapter: 'schema-registry', url: registry.address },
    table: {
      ...configOf(database),
      consistency: 'ONE',
      auth: { user: 'cassandra', password: { env: 'CASSANDRA_PASSWORD' } },
      tls,
    },
    orchestrator: { adapter: 'embedded' },
    processor: {
      ...{ adapter: 'spark', url: server.engine.address, token: { file: tokenFile } },
      checkpoints: file('checkpoints'),
    },
  }
}, 600_000)

afterAll(async () => {
  await Promise.all(started.map(engine => engine.stop()))
  rmSync(directory, { recursive: true, force: true })
})

/** A client of the test's own. */
function openClient(): cassandra.Client {
  const client = new cassandra.Client({
    contactPoints: [started.find(({ kind }) => kind === 'cassandra')!.address],
    localDataCenter: 'datacenter1',
    credentials: { username: 'cassandra', password: env.CASSANDRA_PASSWORD },
  })
  onTestFinished(() => client.shutdown())
  return client
}

async function send(values: readonly { readonly key: string; readonly value: Buffer }[]): Promise<void> {
  const producer = new Producer({ clientId: 'test', bootstrapBrokers: [plaintext] })
  await producer.send({ messages: values.map(({ key, value }) => ({ topic, key: Buffer.from(key), value })) })
  await producer.close()
}

describe('a stage on Spark whose target is secured', () => {
  it('signs in at Kafka and Cassandra over TLS, and shows no secret', { timeout: 300_000 }, async () => {
    const surroundings: Surroundings = { target, statePath: temporaryDirectory(), env }
    // A node refuses every login until it has created its first user.
    await until(
      'the pipeline is applied',
      () => tryMillrace(surroundings, 'apply', 'users'),
      ({ code }) => code === 0,
      120_000,
    )
    onTestFinished(async () => void (await tryMillrace(surroundings, 'stop', stage)))
    const encode = await userEncoding(started.find(({ kind }) => kind === 'schema-registry')!.address, topic)
    const { id, user } = sentRecord('secured', 4, { badEvery: 0, deleteEvery: 0 })
    await send([
      { key: id, value: encode(user!) },
      { key: 'bad', value: Buffer.from('bad') },
    ])
    const client = openClient()
    const rows = await until(
      'the row is there',
      async () => (await client.execute('SELECT id FROM spark_streams.created_users')).rows,
      seen => seen.length > 0,
      120_000,
    )
    expect(rows.map(row => String(row.id))).toEqual([id])
    const { rows: clients } = await client.execute(
      'SELECT driver_name, username, ssl_enabled FROM system_views.clients',
    )
    const java = clients.filter(({ driver_name }) => /java/i.test(driver_name))
    expect(java.length).toBeGreaterThan(0)
    for (const each of java) expect(each).toMatchObject({ username: 'cassandra', ssl_enabled: true })

    const { session: sessionId, query } = recordOf(surroundings)
    const session = await server.open({ sessionId })
    const running = session.queries.known(query!.id, query!.runId)
    const count = async () => {
      const metrics = (await running.recentProgress()).map(batch => batch.sink.metrics ?? {})
      return metrics.reduce((sum, { rows, deadLetters }) => sum + Number(rows) + Number(deadLetters), 0)
    }
    await until('Spark has told of both records', count, counted => counted === 2)
    const explained = await running.explain()
    expect(explained).toContain('Physical Plan')
    for (const secret of [...Object.values(env), 'PRIVATE KEY']) expect(explained).not.toContain(secret)
    await runMillrace(surroundings, 'stop', stage)
  })
})
