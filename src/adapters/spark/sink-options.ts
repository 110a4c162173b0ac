import { resolve } from 'node:path'
import { type StreamPlan, stageId, type TablePlan, type TopicPlan, tableId } from '../../plan/plan.ts'
import { parseDuration, parseSize } from '../../sdk/quantities.ts'
import type { CassandraConfig } from '../../sdk/targets/cassandra.ts'
import { SettingsReader, type Surroundings } from '../system/settings-reader.ts'

type Options = { readonly [name: string]: string }

export interface SinkStage {
  readonly stage: StreamPlan
  readonly topic: TopicPlan
  readonly table: TablePlan
}

/** The class of our jar that writes. A session's own jars are not searched for short names of sources. */
export const sinkFormat = 'millrace.spark.CassandraSink'

/**
 * Options of the sink (docs/spark-sink.md) from the target's `table` and what it writes.
 * @param checkpoint what the group's commits say beside the offsets: which checkpoint of Spark they belong to
 */
export function sinkOptions(
  cassandra: CassandraConfig,
  kafka: Options,
  { stage, topic, table }: SinkStage,
  checkpoint: string,
  surroundings: Surroundings,
): Options {
  return {
    ...clusterOptions(cassandra, surroundings),
    ...kafka,
    table: tableId(table),
    stage: stageId(stage),
    topic: topic.name,
    appendOnly: String(table.appendOnly),
    group: stage.group,
    checkpoint,
    deadLetters: 'true',
    deadLetterTopic: topic.deadLetterTopic,
  }
}

/** @throws MillraceError `CONFIG_INVALID`, also for what Java's driver cannot do. */
function clusterOptions({ contactPoints, localDataCenter, ...config }: CassandraConfig, around: Surroundings): Options {
  const reader = new SettingsReader('cassandra', around)
  const { auth, tls, consistency, limits = {} } = config
  const { timeout, requestsInFlight, bytesInFlight, maxRowBytes } = limits
  return {
    contactPoints: contactPoints.join(','),
    localDataCenter,
    ...(consistency && { consistency }),
    ...(auth && { user: reader.text(auth.user, 'auth.user'), password: reader.secret(auth.password, 'auth.password') }),
    ...(tls && tlsOptions(tls, reader, around)),
    ...(timeout && { timeout: `${parseDuration(timeout)}ms` }),
    ...(requestsInFlight && { requestsInFlight: String(requestsInFlight) }),
    ...(bytesInFlight && { bytesInFlight: String(parseSize(bytesInFlight)) }),
    ...(maxRowBytes && { maxRowBytes: String(parseSize(maxRowBytes)) }),
  }
}

/** Files by their paths, which executors must have too: Java's driver takes certificates from files only. */
function tlsOptions(
  tls: NonNullable<CassandraConfig['tls']>,
  reader: SettingsReader,
  { directory }: Surroundings,
): Options {
  const { ca, cert, key, passphrase, serverName } = tls
  if (serverName !== undefined) {
    const message = 'The driver, with which Spark writes, expects the name of the node it connects to.'
    throw reader.invalid('tls.serverName', message, 'Leave it out, or give the target the processor embedded.')
  }
  // Whether they can be read here, too.
  reader.tls(tls)
  return {
    tls: 'true',
    ...(ca && { 'tls.ca': resolve(directory, ca) }),
    ...(cert && { 'tls.cert': resolve(directory, cert) }),
    ...(key && { 'tls.key': resolve(directory, key) }),
    ...(passphrase && { 'tls.keyPassword': reader.secret(passphrase, 'tls.passphrase') }),
  }
}
