import { createPrivateKey } from 'node:crypto'
import { type Duration, parseDuration } from '../../sdk/quantities.ts'
import type { KafkaConfig, KafkaSasl } from '../../sdk/targets/kafka.ts'
import { SettingsReader, type Surroundings } from '../system/settings-reader.ts'

/** As on Node: what a task that was stopped leaves open, readers of dead letters wait for. Java's own is a minute. */
const defaultTransactionTimeout: Duration = '20s'

type Options = { readonly [name: string]: string }

/**
 * What reaches the target's Kafka from Spark: settings of Kafka's Java client with the prefix `kafka.`, as Spark's Kafka source and
 * our sink take them. Certificates and keys travel in them, so that executors need no files. The limits `retry` and `session` are
 * not among them: a query repeats what failed, and is no member of a group.
 *
 * @throws MillraceError `CONFIG_INVALID`, also for what Java's client cannot do.
 */
export function kafkaOptions(config: KafkaConfig, surroundings: Surroundings): Options {
  const { brokers, clientId, tls, sasl, limits = {} } = config
  const reader = new SettingsReader('kafka', surroundings)
  const milliseconds = (duration: Duration) => String(parseDuration(duration))
  return {
    'kafka.bootstrap.servers': brokers.join(','),
    ...(clientId !== undefined && { 'kafka.client.id': clientId }),
    ...(limits.connect && {
      'kafka.socket.connection.setup.timeout.ms': milliseconds(limits.connect),
      'kafka.socket.connection.setup.timeout.max.ms': milliseconds(limits.connect),
    }),
    ...(limits.request && { 'kafka.request.timeout.ms': milliseconds(limits.request) }),
    'kafka.transaction.timeout.ms': milliseconds(limits.transaction ?? defaultTransactionTimeout),
    'kafka.security.protocol': `${sasl === undefined ? '' : 'SASL_'}${tls === undefined ? 'PLAINTEXT' : 'SSL'}`,
    ...(tls !== undefined && tlsOptions(tls, reader)),
    ...(sasl !== undefined && saslOptions(sasl, reader)),
  }
}

function tlsOptions(tls: NonNullable<KafkaConfig['tls']>, reader: SettingsReader): Options {
  if (tls.serverName !== undefined) {
    const message = 'Kafka’s Java client, with which Spark reads, expects the name of the host it connects to.'
    throw reader.invalid('tls.serverName', message, 'Leave it out, or give the target the processor embedded.')
  }
  const { ca, cert, key, passphrase } = reader.tls(tls)
  return {
    ...(ca && { 'kafka.ssl.truststore.type': 'PEM', 'kafka.ssl.truststore.certificates': ca.toString() }),
    ...(cert && { 'kafka.ssl.keystore.type': 'PEM', 'kafka.ssl.keystore.certificate.chain': cert.toString() }),
    ...(key && { 'kafka.ssl.keystore.key': readableKey(key, passphrase, reader) }),
  }
}

/** In PKCS #8 and not encrypted: Java's client knows no other form, and not the ciphers that openssl encrypts keys with. */
function readableKey(key: Buffer, passphrase: string | undefined, reader: SettingsReader): string {
  try {
    const readable = createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) })
    return readable.export({ type: 'pkcs8', format: 'pem' }).toString()
  } catch (cause) {
    const message = `The key cannot be read: ${(cause as Error).message}.`
    throw reader.invalid('tls.key', message, 'Give a private key in PEM, and its passphrase if it has one.')
  }
}

const loginModules = {
  PLAIN: 'org.apache.kafka.common.security.plain.PlainLoginModule',
  'SCRAM-SHA-256': 'org.apache.kafka.common.security.scram.ScramLoginModule',
  'SCRAM-SHA-512': 'org.apache.kafka.common.security.scram.ScramLoginModule',
} as const

function saslOptions(sasl: KafkaSasl, reader: SettingsReader): Options {
  if (sasl.mechanism === 'OAUTHBEARER') {
    const message = 'Kafka’s Java client, with which Spark reads, takes no token that is given to it.'
    throw reader.invalid('sasl.mechanism', message, 'Use PLAIN or SCRAM, or give the target the processor embedded.')
  }
  const { mechanism } = sasl
  const user = quoted(reader.text(sasl.user, 'sasl.user'))
  const password = quoted(reader.secret(sasl.password, 'sasl.password'))
  return {
    'kafka.sasl.mechanism': mechanism,
    'kafka.sasl.jaas.config': `${loginModules[mechanism]} required username=${user} password=${password};`,
  }
}

/** As text of JAAS's configuration. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
