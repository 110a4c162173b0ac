import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { API, Broker, Connection, ConnectionOptions, ConnectionPool } from '@platformatic/kafka'
import { MillraceError } from '../../sdk/errors.ts'
import { type Duration, parseDuration } from '../../sdk/quantities.ts'
import type { SecretInEnvironment, TlsFiles } from '../../sdk/targets/connection.ts'
import type { KafkaConfig } from '../../sdk/targets/kafka.ts'
import type { KafkaClient } from './client.ts'

/** A target's settings, checked, with the secrets filled in. Durations in milliseconds. */
export interface KafkaSettings {
  readonly clientId: string
  readonly brokers: readonly Broker[]
  readonly connection: ConnectionOptions & { readonly requestTimeout: number }
  readonly retryMs: number
  readonly transactionTimeoutMs: number
}

export interface Surroundings {
  readonly env: { readonly [name: string]: string | undefined }
  /** Relative paths of the settings start here. */
  readonly directory: string
}

/** @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`. */
export function toSettings(config: KafkaConfig, surroundings: Surroundings): KafkaSettings {
  const { brokers, clientId = 'millrace', tls, limits = {} } = config
  const milliseconds = (duration: Duration | undefined, standard: Duration) => parseDuration(duration ?? standard)
  if (!Array.isArray(brokers) || brokers.length === 0) throw invalid('log.brokers', 'names no broker')
  const sasl = toSasl(config, surroundings)
  return {
    clientId,
    brokers: brokers.map(toBroker),
    connection: {
      connectTimeout: milliseconds(limits.connect, '5s'),
      requestTimeout: milliseconds(limits.request, '30s'),
      ...(tls !== undefined && { tls: toTls(tls, surroundings), tlsServerName: tls.serverName ?? true }),
      ...(sasl !== undefined && { sasl }),
    },
    retryMs: milliseconds(limits.retry, '10s'),
    transactionTimeoutMs: milliseconds(limits.transaction, '60s'),
  }
}

function toBroker(address: string): Broker {
  const match = /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):(\d{1,5})$/.exec(address)
  const port = Number(match?.[2])
  if (match === null || port < 1 || port > 65_535) {
    throw invalid('log.brokers', `has ${JSON.stringify(address)}, which is not host:port`)
  }
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port }
}

function toSasl({ sasl }: KafkaConfig, { env }: Surroundings): ConnectionOptions['sasl'] {
  if (sasl === undefined) return undefined
  const { mechanism } = sasl
  switch (mechanism) {
    case 'OAUTHBEARER':
      return { mechanism, token: secret(sasl.token, 'log.sasl.token', env) }
    case 'PLAIN':
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-512': {
      const username = typeof sasl.user === 'string' ? sasl.user : secret(sasl.user, 'log.sasl.user', env)
      return { mechanism, username, password: secret(sasl.password, 'log.sasl.password', env) }
    }
    default:
      throw invalid('log.sasl.mechanism', 'is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER')
  }
}

function toTls(tls: TlsFiles, { env, directory }: Surroundings): NonNullable<ConnectionOptions['tls']> {
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw invalid('log.tls', 'needs both cert and key, or neither')
  return {
    ...(tls.ca !== undefined && { ca: pem(tls.ca, 'log.tls.ca', directory) }),
    ...(tls.cert !== undefined && { cert: pem(tls.cert, 'log.tls.cert', directory) }),
    ...(tls.key !== undefined && { key: pem(tls.key, 'log.tls.key', directory) }),
    ...(tls.passphrase !== undefined && { passphrase: secret(tls.passphrase, 'log.tls.passphrase', env) }),
  }
}

function pem(path: string, place: string, directory: string): Buffer {
  try {
    return readFileSync(resolve(directory, path))
  } catch (cause) {
    throw invalid(place, `names a file that cannot be read: ${path}`, cause)
  }
}

function secret({ env: name }: SecretInEnvironment, place: string, env: Surroundings['env']): string {
  const value = env[name]
  if (value === undefined || value === '') throw invalid(place, `needs the environment variable ${name}`)
  return value
}

function invalid(place: string, what: string, cause?: unknown): MillraceError {
  return new MillraceError('CONFIG_INVALID', `The target's ${place} ${what}.`, { place, cause })
}

/**
 * One connection to each broker that is asked something. A broker answers the requests of a connection one after the
 * other, so whatever may have to wait there, fetches and joins, gets connections of its own.
 */
export class Connections {
  readonly #pool: ConnectionPool

  /** @param requestTimeoutMs instead of the one in the settings, for requests that wait on purpose */
  constructor(client: KafkaClient, settings: KafkaSettings, requestTimeoutMs?: number) {
    const { clientId, connection } = settings
    const requestTimeout = requestTimeoutMs ?? connection.requestTimeout
    this.#pool = new client.ConnectionPool(clientId, { ...connection, requestTimeout })
    // Failures reach whoever waits for an answer; without a listener they would end the process as well.
    this.#pool.on('connecting', ({ connection }) => void connection.on('error', () => {}))
  }

  to(broker: Broker): Promise<Connection> {
    return this.#pool.get(broker)
  }

  /** @throws if none of them accepts a connection */
  toAny(brokers: readonly Broker[]): Promise<Connection> {
    return this.#pool.getFirstAvailable([...brokers])
  }

  async send<Args extends unknown[], Answer>(broker: Broker, api: API<Args, Answer>, ...args: Args): Promise<Answer> {
    return await api.async(await this.#pool.get(broker), ...args)
  }

  async close(): Promise<void> {
    // What cannot be closed properly is closed already.
    await this.#pool.close().catch(() => {})
  }
}
