import type { Duration } from '../quantities.ts'
import type { SecretInEnvironment, SecretInFile } from './connection.ts'

/**
 * Spark 4 with Spark Connect, as the `processor` of a target whose log is Kafka and whose table is Cassandra:
 *
 *     { adapter: 'spark', url: 'sc://127.0.0.1:15002', checkpoints: 's3a://bucket/checkpoints' }
 *
 * Plain JSON. What Spark's executors need to reach Kafka and Cassandra is taken from the target's `log` and `table`.
 */
export type SparkConfig = {
  readonly adapter: 'spark'
  /** `sc://host:port`, with `/;use_ssl=true` for one behind a proxy that encrypts. Port 15002 unless given. */
  readonly url: string
  /** Sent as `authorization: Bearer`. Default: none. Without encryption it is only sent to this machine. */
  readonly token?: SecretInEnvironment | SecretInFile
  /**
   * A directory that Spark's driver and executors can write and that outlives them: a URI such as `s3a://bucket/checkpoints`, or
   * a path on this machine, which starts at the project's directory if it is relative.
   */
  readonly checkpoints: string
  /** Default: the next batch as soon as the last one is done. */
  readonly trigger?: SparkTrigger
  /** Records of one batch at most. Default 100,000, so that a backlog is worked off in steps of seconds. Not in real-time mode. */
  readonly maxOffsetsPerTrigger?: number
  /** `spark.sql.shuffle.partitions`. Default: as the server has it. Stages as they are today shuffle nothing. */
  readonly shufflePartitions?: number
  /** Further settings of the Spark session, such as `{ 'spark.sql.streaming.numRecentProgressUpdates': '20' }`. */
  readonly conf?: { readonly [name: string]: string }
}

export type SparkTrigger =
  /** A batch so often, such as `10s`. */
  | Duration
  /** Ends when what is there at the start has been processed; start it again for more. */
  | 'available-now'
  /** Rows go at once, and a batch is only the time between two commits. */
  | { readonly realTime: Duration }
