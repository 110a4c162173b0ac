import type { Duration } from '../quantities.ts'
import type { SecretInEnvironment, TlsFiles } from './connection.ts'

/**
 * Apache Kafka 2.8 or newer, or brokers that speak its protocol, as the `log` of a target:
 *
 *     { adapter: 'kafka', brokers: ['127.0.0.1:9092'] }
 *
 * Plain JSON. Secrets stay in the environment of the process that uses them.
 */
export type KafkaConfig = {
  readonly adapter: 'kafka'
  /** `host:port` of one broker or some; the others are found through them. */
  readonly brokers: readonly string[]
  /** The name under which brokers log and limit this client. Default `millrace`. */
  readonly clientId?: string
  /**
   * The protocol of consumer groups: `consumer`, the newer one (KIP-848), in which the brokers share partitions out; `classic`; or
   * `auto`, the newer one where the brokers have it and allow `limits.session` for the group, else the classic one. Members of
   * one group use the same: one that comes with the other waits for them to end. Default `auto`.
   */
  readonly groups?: 'auto' | 'consumer' | 'classic'
  /** Encrypts connections; `{}` is enough where the system trusts the brokers' certificates. Default: none. */
  readonly tls?: TlsFiles
  /** Default: none. */
  readonly sasl?: KafkaSasl
  readonly limits?: KafkaLimits
}

/** How a connection proves whose it is. */
export type KafkaSasl =
  /** User and password, or an API key and its secret as Confluent Cloud has them (PLAIN). */
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly user: string | SecretInEnvironment
      readonly password: SecretInEnvironment
    }
  /** A token that whoever starts the process keeps valid: it is read once, and not renewed. */
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: SecretInEnvironment }

export type KafkaLimits = {
  /** For a connection to open. Default 5s. */
  readonly connect?: Duration
  /** For a broker to answer. Default 30s, as of Kafka's own clients. */
  readonly request?: Duration
  /**
   * How long an operation tries again by itself while brokers restart or elect leaders, before it fails with
   * `retry: 'later'`. Default 10s.
   */
  readonly retry?: Duration
  /**
   * After how long a worker that is silent, killed or cut off loses its partitions to the others of its group. Default 10s;
   * brokers take 6 s to 30 min unless told otherwise.
   */
  readonly session?: Duration
  /**
   * After how long brokers abort an append that has not ended. Readers of its topics wait for so long where its process has
   * vanished; one that takes longer is begun again. Default 20s; brokers take up to 15 minutes unless told otherwise.
   */
  readonly transaction?: Duration
}
