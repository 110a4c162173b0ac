import type { Client, QueryOptions, types } from 'cassandra-driver'
import type { Clock } from '../../ports/clock.ts'
import { guardControlConnection } from './control-connection.ts'
import type { Driver } from './driver.ts'
import { createClient } from './encoded-values.ts'
import { asTableError } from './errors.ts'
import type { Settings } from './settings.ts'

/** Between looks at a node that is down: it is back in use within seconds of its return. */
const reconnectFirstMs = 250
const reconnectMaxMs = 5_000

const maxSchemaAgreementSeconds = 10

/** The client of one cluster. It connects when it is first used, and again if that failed. */
export class Connection {
  readonly driver: Driver
  readonly settings: Settings
  readonly client: Client
  /** Null but while it connects. */
  #connecting: Promise<void> | null = null

  constructor(driver: Driver, settings: Settings, clock: Clock) {
    this.driver = driver
    this.settings = settings
    const { contactPoints, localDataCenter, credentials, tls, timeoutMs } = settings
    this.client = createClient(driver, {
      contactPoints: [...contactPoints],
      localDataCenter,
      ...(credentials === null ? {} : { credentials }),
      ...(tls === null ? {} : { sslOptions: tls }),
      queryOptions: { consistency: this.#consistency(), prepare: true, isIdempotent: true },
      socketOptions: { connectTimeout: timeoutMs, readTimeout: timeoutMs },
      protocolOptions: { maxSchemaAgreementWaitSeconds: maxSchemaAgreementSeconds },
      policies: {
        reconnection: new driver.policies.reconnection.ExponentialReconnectionPolicy(
          reconnectFirstMs,
          reconnectMaxMs,
          false,
        ),
      },
      monitorReporting: { enabled: false },
    })
    guardControlConnection(this.client, clock)
  }

  /** One statement. @throws MillraceError `DATABASE_*`, `QUERY_INVALID`. */
  async execute(
    statement: string,
    parameters: unknown[] = [],
    options: QueryOptions = {},
    place = 'cassandra',
  ): Promise<types.ResultSet> {
    try {
      await this.#connect()
      return await this.client.execute(statement, parameters, options)
    } catch (error) {
      throw asTableError(error, place)
    }
  }

  /** While it connects the driver's own shutdown does nothing, and what is connected then keeps the process alive. */
  async close(): Promise<void> {
    await this.#connecting?.catch(() => {})
    await this.client.shutdown()
  }

  /** Does nothing if it is connected. */
  #connect(): Promise<void> {
    this.#connecting ??= this.client.connect().finally(() => {
      this.#connecting = null
    })
    return this.#connecting
  }

  #consistency(): number {
    const { consistencies } = this.driver.types
    const names: { readonly [name in Settings['consistency']]: number } = {
      ONE: consistencies.one,
      TWO: consistencies.two,
      THREE: consistencies.three,
      QUORUM: consistencies.quorum,
      ALL: consistencies.all,
      LOCAL_ONE: consistencies.localOne,
      LOCAL_QUORUM: consistencies.localQuorum,
      EACH_QUORUM: consistencies.eachQuorum,
    }
    return names[this.settings.consistency]
  }
}
