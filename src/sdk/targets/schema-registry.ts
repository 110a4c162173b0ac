import type { Duration, Size } from '../quantities.ts'
import type { SecretInEnvironment, TlsFiles } from './connection.ts'

/**
 * A registry that speaks Confluent's REST API, as the `registry` of a target:
 *
 *     { adapter: 'schema-registry', url: 'http://127.0.0.1:8081' }
 *
 * Plain JSON. Secrets stay in the environment of the process that uses them.
 */
export type SchemaRegistryConfig = {
  readonly adapter: 'schema-registry'
  /**
   * `http:` or `https:`, without user and password. A path is kept, since some registries serve the API below one:
   * Apicurio under `/apis/ccompat/v7`.
   */
  readonly url: string
  /** Default: none. */
  readonly auth?: SchemaRegistryAuth
  /** For `https:` only. Default: the certificate authorities Node trusts, and no certificate of our own. */
  readonly tls?: TlsFiles
  readonly limits?: SchemaRegistryLimits
}

export type SchemaRegistryAuth =
  /** User and password, or an API key and its secret as Confluent Cloud has them. */
  | { readonly kind: 'basic'; readonly user: string | SecretInEnvironment; readonly password: SecretInEnvironment }
  /** A token that whoever starts the process keeps valid: it is read once, and not renewed. */
  | { readonly kind: 'bearer'; readonly token: SecretInEnvironment }

export type SchemaRegistryLimits = {
  /** For one whole answer. Default 10s: a registry answers in milliseconds, but may be electing a leader. */
  readonly timeout?: Duration
  /**
   * Tries for one call, the first included. Default 4, with pauses of up to 0.1, 0.2 and 0.4 s, which covers a restart behind
   * a load balancer; what lasts longer is the stage's to wait for.
   */
  readonly tries?: number
  /** Largest answer. Default 8 MiB: eight times the largest schema, or 1,000 subjects with the longest names. */
  readonly body?: Size
}
