import type { KafkaConfig, KafkaSasl } from '../../sdk/targets/kafka.ts'
import { SettingsReader, type Surroundings } from '../system/settings-reader.ts'

type Options = { readonly [name: string]: string }

/**
 * What reaches the target's Kafka from Spark: settings of Kafka's Java client with the prefix `kafka.`, as Spark's Kafka source and
 * our sink take them. Certificates and keys travel in them, so that executors need no files.
 *
 * @throws MillraceError `CONFIG_INVALID`, also for what Java's client cannot do.
 */
export function kafkaOptions({ brokers, tls, sasl }: KafkaConfig, surroundings: Surroundings): Options {
  const reader = new SettingsReader('kafka', surroundings)
  return {
    'kafka.bootstrap.servers': brokers.join(','),
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
    ...(key && { 'kafka.ssl.keystore.key': key.toString() }),
    ...(passphrase && { 'kafka.ssl.key.password': passphrase }),
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
