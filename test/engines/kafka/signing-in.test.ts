import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Log } from '../../../src/ports/log.ts'
import type { TlsFiles } from '../../../src/sdk/targets/connection.ts'
import type { KafkaConfig, KafkaSasl } from '../../../src/sdk/targets/kafka.ts'
import { type RunningEngine, startEngine } from '../../../src/stack/start-engine.ts'
import { createCertificates } from './certificates.ts'
import { createScramUser } from './scram-user.ts'
import { createTopic, freePorts, openTestLog } from './support.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
const file = (name: string) => join(directory, name)
/** Where the broker listens, by what it asks for. */
const at = { sasl: '', tls: '', clientCertificate: '', both: '' }
const passphrase = 'opensesame'
let engine: RunningEngine | undefined

beforeAll(async () => {
  createCertificates(directory, passphrase)
  const [plaintext, controller, ...ports] = await freePorts(6)
  const [sasl, tls, certificate, both] = ports.map(port => `127.0.0.1:${port}`)
  Object.assign(at, { sasl, tls, clientCertificate: certificate, both })
  const listeners = [
    ...[`PLAINTEXT://127.0.0.1:${plaintext}`, `CONTROLLER://127.0.0.1:${controller}`],
    ...[`SASL://${sasl}`, `TLS://${tls}`, `CERTIFICATE://${certificate}`, `BOTH://${both}`],
  ].join(',')
  const login = 'org.apache.kafka.common.security'
  engine = await startEngine('kafka', {
    directory,
    ports: { client: plaintext!, controller: controller! },
    settings: {
      listeners,
      'advertised.listeners': listeners,
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,CERTIFICATE:SSL,BOTH:SASL_SSL',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      'listener.name.sasl.plain.sasl.jaas.config': `${login}.plain.PlainLoginModule required user_alice="right";`,
      'listener.name.sasl.scram-sha-256.sasl.jaas.config': `${login}.scram.ScramLoginModule required;`,
      'listener.name.sasl.scram-sha-512.sasl.jaas.config': `${login}.scram.ScramLoginModule required;`,
      // Without settings of its own the broker takes unsigned tokens that have not expired.
      'listener.name.sasl.oauthbearer.sasl.jaas.config': `${login}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
      'listener.name.both.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'listener.name.both.scram-sha-512.sasl.jaas.config': `${login}.scram.ScramLoginModule required;`,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': file('broker.store.pem'),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': file('ca.pem'),
      'listener.name.certificate.ssl.client.auth': 'required',
    },
  })
  await createScramUser(`127.0.0.1:${plaintext}`, 'bob', 'right')
})

afterAll(async () => {
  await engine?.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** An unsigned token, valid for so many seconds. */
function token(seconds: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Date.now() / 1_000
  return `${part({ alg: 'none' })}.${part({ sub: 'carol', iat: now + Math.min(0, seconds) - 1, exp: now + seconds })}.`
}

/** Every kind of connection: for topics, a producer, a member of a group. */
async function expectUsable(log: Log): Promise<void> {
  const topic = await createTopic(log)
  const producer = await log.producer(topic)
  await producer.append([{ topic, key: null, value: Buffer.from('v') }])
  const subscription = await log.subscribe({ group: topic, topic, member: 'm' })
  const patient = { maxRecords: 10, maxBytes: 1_000, waitMs: 20_000 }
  expect((await subscription.next(patient)).kind).toBe('assigned')
  subscription.seek(0, 0)
  expect((await subscription.next(patient)).kind).toBe('batch')
}

/** What an operation fails with, once and not after tries. */
async function failure(broker: string, settings: Partial<KafkaConfig>, env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const log = await openTestLog(broker, { limits: { retry: '100ms', request: '5s' }, ...settings }, env)
  return log.admin.topics().catch((error: unknown) => error)
}

const password = { env: 'PASSWORD' }
const alice: KafkaSasl = { mechanism: 'PLAIN', user: 'alice', password }
const bob = (mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512'): KafkaSasl => ({ mechanism, user: 'bob', password })
const carol: KafkaSasl = { mechanism: 'OAUTHBEARER', token: { env: 'TOKEN' } }

describe('signing in at Kafka', () => {
  const ways: readonly (readonly [KafkaSasl, right: string, wrong: string])[] = [
    [alice, 'right', 'wrong-one'],
    [bob('SCRAM-SHA-256'), 'right', 'wrong-one'],
    [bob('SCRAM-SHA-512'), 'right', 'wrong-one'],
    [carol, token(3_600), token(-60)],
  ]
  const env = (secret: string) => ({ PASSWORD: secret, TOKEN: secret })

  it.each(ways)('works, for all kinds of connections: $mechanism', async (sasl, right) => {
    await expectUsable(await openTestLog(at.sasl, { sasl }, env(right)))
  })

  it.each(ways)(
    'is refused for good with another secret, which the error does not show: $mechanism',
    async (sasl, _, wrong) => {
      const refused = await failure(at.sasl, { sasl, limits: {} }, env(wrong))
      expect(refused).toMatchObject({ code: 'LOG_REFUSED', retry: 'never' })
      expect(JSON.stringify(refused)).not.toContain(wrong)
    },
  )

  it('is missed by the broker where it is left out', async () => {
    expect(await failure(at.sasl, {})).toMatchObject({ code: 'LOG_UNREACHABLE' })
  })
})

describe('a Kafka behind TLS', () => {
  const ca = file('ca.pem')
  const ours: TlsFiles = { cert: file('client.pem'), key: file('client.key'), passphrase: { env: 'PASSPHRASE' } }
  const env = { PASSPHRASE: passphrase, PASSWORD: 'right' }

  it('is used when its certificate is of an authority that is trusted, and for its address', async () => {
    await expectUsable(await openTestLog(at.tls, { tls: { ca } }))
  })

  it('is used under another name of its certificate', async () => {
    await expectUsable(await openTestLog(at.tls, { tls: { ca, serverName: 'broker.test' } }))
  })

  it('is not spoken to when its certificate is of another authority, or for another name', async () => {
    expect(await failure(at.tls, { tls: { ca: file('other.pem') } })).toMatchObject({
      code: 'LOG_REFUSED',
      retry: 'never',
    })
    const elsewhere = { tls: { ca, serverName: 'elsewhere.test' } }
    expect(await failure(at.tls, elsewhere)).toMatchObject({ code: 'LOG_REFUSED', retry: 'never' })
  })

  it('takes us by our certificate, and nobody without', async () => {
    await expectUsable(await openTestLog(at.clientCertificate, { tls: { ca, ...ours } }, env))
    expect(await failure(at.clientCertificate, { tls: { ca } })).toMatchObject({ code: 'LOG_UNREACHABLE' })
  })

  it('takes user and password inside of it', async () => {
    await expectUsable(await openTestLog(at.both, { tls: { ca }, sasl: bob('SCRAM-SHA-512') }, env))
  })

  it('that we take for one without is not usable', async () => {
    expect(await failure(at.tls, {})).toMatchObject({ code: 'LOG_REFUSED', retry: 'never' })
  })
})
