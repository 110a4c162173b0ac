import type { Broker, ConnectionOptions } from '@platformatic/kafka'
import { type Duration, parseDuration } from '../../sdk/quantities.ts'
import type { KafkaConfig } from '../../sdk/targets/kafka.ts'
import { SettingsReader, type Surroundings } from '../system/settings-reader.ts'

/** A target's settings, checked, with the secrets filled in. Durations in milliseconds. */
export interface KafkaSettings {
  readonly clientId: string
  readonly brokers: readonly Broker[]
  readonly groups: 'auto' | 'consumer' | 'classic'
  readonly connection: ConnectionOptions & { readonly requestTimeout: number }
  readonly retryMs: number
  readonly sessionTimeoutMs: number
  readonly transactionTimeoutMs: number
}

/** @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`. */
export function readSettings(config: KafkaConfig, surroundings: Surroundings): KafkaSettings {
  const { brokers, clientId = 'millrace', groups = 'auto', tls, limits = {} } = config
  const reader = new SettingsReader('kafka', surroundings)
  const milliseconds = (duration: Duration | undefined, standard: Duration) => parseDuration(duration ?? standard)
  if (!Array.isArray(brokers) || brokers.length === 0) {
    throw reader.invalid('brokers', 'There are no brokers.', "Give at least one, such as ['127.0.0.1:9092'].")
  }
  if (!['auto', 'consumer', 'classic'].includes(groups)) {
    const message = `There is no group protocol ${JSON.stringify(groups)}.`
    throw reader.invalid('groups', message, "Use one of: 'auto', 'consumer', 'classic'.")
  }
  const sasl = readSasl(config, reader)
  return {
    clientId,
    brokers: brokers.map(address => readBroker(address, reader)),
    groups,
    connection: {
      connectTimeout: milliseconds(limits.connect, '5s'),
      requestTimeout: milliseconds(limits.request, '30s'),
      ...(tls !== undefined && { tls: reader.tls(tls), tlsServerName: tls.serverName ?? true }),
      ...(sasl !== undefined && { sasl }),
    },
    retryMs: milliseconds(limits.retry, '10s'),
    sessionTimeoutMs: milliseconds(limits.session, '10s'),
    transactionTimeoutMs: milliseconds(limits.transaction, '20s'),
  }
}

function readBroker(address: string, reader: SettingsReader): Broker {
  const match = /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):(\d{1,5})$/.exec(address)
  const port = Number(match?.[2])
  if (match === null || port < 1 || port > 65_535) {
    throw reader.invalid(
      'brokers',
      `${JSON.stringify(address)} is not host:port.`,
      'Give host and port of each broker.',
    )
  }
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port }
}

/** A broker that refuses a token answers with a reason, which the client by itself takes for a welcome. */
const refuseChallenge: NonNullable<NonNullable<ConnectionOptions['sasl']>['authBytesValidator']> = (bytes, done) => {
  if (bytes.length === 0) done(null, bytes)
  else done(new Error(`The broker does not take the token: ${bytes}`), bytes)
}

function readSasl({ sasl }: KafkaConfig, reader: SettingsReader): ConnectionOptions['sasl'] {
  if (sasl === undefined) return undefined
  const { mechanism } = sasl
  switch (mechanism) {
    case 'OAUTHBEARER':
      return { mechanism, token: reader.secret(sasl.token, 'sasl.token'), authBytesValidator: refuseChallenge }
    case 'PLAIN':
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-512': {
      const username = reader.text(sasl.user, 'sasl.user')
      return { mechanism, username, password: reader.secret(sasl.password, 'sasl.password') }
    }
    default:
      throw reader.invalid(
        'sasl.mechanism',
        `There is no mechanism ${mechanism as string}.`,
        'Use one of: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER.',
      )
  }
}
