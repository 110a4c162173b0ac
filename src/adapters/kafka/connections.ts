import type { API, Broker, Connection, ConnectionPool } from '@platformatic/kafka'
import type { KafkaClient } from './client.ts'
import type { KafkaSettings } from './settings.ts'

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
