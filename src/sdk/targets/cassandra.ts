import type { Duration, Size } from '../quantities.ts'
import type { SecretInEnvironment, TlsFiles } from './connection.ts'

/**
 * A Cassandra cluster, as the `table` of a target:
 *
 *     { adapter: 'cassandra', contactPoints: ['127.0.0.1:9042'], localDataCenter: 'datacenter1' }
 *
 * Plain JSON. Secrets stay in the environment of the process that uses them.
 */
export type CassandraConfig = {
  readonly adapter: 'cassandra'
  /** Nodes to ask for the others, each `host` or `host:port`; port 9042 unless given. Two or three are enough. */
  readonly contactPoints: readonly string[]
  /** Whose nodes are written to and read from. No default: a wrong guess would write across the ocean. */
  readonly localDataCenter: string
  /**
   * How many replicas must have a write before it counts, and answer a read. Default `LOCAL_QUORUM`: what was written is read,
   * and survives the loss of a minority of replicas. With `ONE` a row can be lost with the one node that had it.
   */
  readonly consistency?: CassandraConsistency
  /**
   * Replicas by data centre, for keyspaces that `apply` creates; those that exist keep theirs.
   * Default: three in `localDataCenter`, or as many as it has nodes if those are fewer.
   */
  readonly replication?: { readonly [dataCenter: string]: number }
  /** Default: none. The user's name may be written here, the password may not. */
  readonly auth?: { readonly user: string | SecretInEnvironment; readonly password: SecretInEnvironment }
  /** `{}` encrypts and checks the nodes' certificates against the authorities Node trusts. Default: not encrypted. */
  readonly tls?: TlsFiles
  readonly limits?: CassandraLimits
}

export type CassandraConsistency =
  | 'ONE'
  | 'TWO'
  | 'THREE'
  | 'QUORUM'
  | 'ALL'
  | 'LOCAL_ONE'
  | 'LOCAL_QUORUM'
  | 'EACH_QUORUM'

export type CassandraLimits = {
  /**
   * For one answer. Default 5s: a node gives up on a write after 2 s, so only one that is cut off or stopped takes longer; what
   * was asked of it is then asked again.
   */
  readonly timeout?: Duration
  /** For one statement of `millrace sql`. Default 30s. */
  readonly queryTimeout?: Duration
  /**
   * Requests on their way at most, each of up to 32 rows; fewer are used while Cassandra is overloaded. Default 16: on one node
   * more only wait longer. Raise it for a cluster of many nodes, or of nodes far away.
   */
  readonly requestsInFlight?: number
  /** Encoded rows on their way at most. Default 16 MiB. A single larger row still goes. */
  readonly bytesInFlight?: Size
  /** A row with larger values, all together, becomes a dead letter. Default 1 MiB; at most 15 MiB, as a node takes 16. */
  readonly maxRowBytes?: Size
  /**
   * Tries for one request, the first included, before the stage pauses. Default 4, with pauses of up to 0.1, 0.2 and 0.4 s.
   * Trying again is safe: every row carries its version.
   */
  readonly tries?: number
}
