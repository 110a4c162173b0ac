import type { ConnectionOptions } from 'node:tls'
import { parseDuration, parseSize } from '../../sdk/quantities.ts'
import type { CassandraConfig, CassandraConsistency } from '../../sdk/targets/cassandra.ts'
import { SettingsReader, type Surroundings } from '../system/settings-reader.ts'

/** A configuration with its defaults, secrets and files. */
export interface Settings {
  readonly contactPoints: readonly string[]
  readonly localDataCenter: string
  readonly consistency: CassandraConsistency
  /** Null: as many replicas as fit the cluster. */
  readonly replication: { readonly [dataCenter: string]: number } | null
  readonly credentials: { readonly username: string; readonly password: string } | null
  /** Null: not encrypted. */
  readonly tls: ConnectionOptions | null
  readonly timeoutMs: number
  readonly queryTimeoutMs: number
  readonly requestsInFlight: number
  readonly bytesInFlight: number
  readonly maxRowBytes: number
  readonly tries: number
}

const consistencies: readonly CassandraConsistency[] = [
  ...(['ONE', 'TWO', 'THREE', 'QUORUM', 'ALL', 'LOCAL_ONE', 'LOCAL_QUORUM', 'EACH_QUORUM'] as const),
]

/** A node refuses requests of 16 MiB; the rest is for the request around the row. */
const largestRowBytes = 15 * 1024 * 1024

/** @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`. */
export function readSettings(config: CassandraConfig, surroundings: Surroundings): Settings {
  const { auth, tls, limits = {}, consistency = 'LOCAL_QUORUM' } = config
  const reader = new SettingsReader('cassandra', surroundings)
  if (!consistencies.includes(consistency)) {
    throw reader.invalid(
      'consistency',
      `There is no consistency ${consistency}.`,
      `Use one of: ${consistencies.join(', ')}.`,
    )
  }
  if (typeof config.localDataCenter !== 'string' || config.localDataCenter === '') {
    const fix = 'Give its name, as `nodetool status` shows it; datacenter1 if none was ever set.'
    throw reader.invalid('localDataCenter', 'The local data centre is not given.', fix)
  }
  const maxRowBytes = parseSize(limits.maxRowBytes ?? '1 MiB')
  if (maxRowBytes > largestRowBytes) {
    throw reader.invalid('limits.maxRowBytes', `${maxRowBytes} bytes are too many.`, 'Give at most 15 MiB.')
  }
  return {
    contactPoints: readContactPoints(config.contactPoints, reader),
    localDataCenter: config.localDataCenter,
    consistency,
    replication: readReplication(config.replication, reader),
    credentials:
      auth === undefined
        ? null
        : {
            username: reader.text(auth.user, 'auth.user'),
            password: reader.secret(auth.password, 'auth.password'),
          },
    // The driver's own default is false, which encrypts without knowing for whom.
    tls: tls === undefined ? null : { rejectUnauthorized: true, ...reader.tls(tls) },
    timeoutMs: parseDuration(limits.timeout ?? '5s'),
    queryTimeoutMs: parseDuration(limits.queryTimeout ?? '30s'),
    requestsInFlight: reader.whole(limits.requestsInFlight ?? 16, 'limits.requestsInFlight', 1024),
    bytesInFlight: parseSize(limits.bytesInFlight ?? '16 MiB'),
    maxRowBytes,
    tries: reader.whole(limits.tries ?? 4, 'limits.tries', 20),
  }
}

function readContactPoints(points: readonly string[], reader: SettingsReader): readonly string[] {
  const fix = "Give at least one, such as ['127.0.0.1:9042']."
  if (!Array.isArray(points) || points.length === 0)
    throw reader.invalid('contactPoints', 'There are no contact points.', fix)
  for (const point of points) {
    if (typeof point === 'string' && /^(?:[^\s:/@]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(point)) continue
    throw reader.invalid('contactPoints', `${JSON.stringify(point)} is not host or host:port.`, fix)
  }
  return points
}

function readReplication(replication: CassandraConfig['replication'], reader: SettingsReader): Settings['replication'] {
  if (replication === undefined) return null
  const entries = Object.entries(replication)
  const fix = 'Give each data centre its number of replicas, such as { datacenter1: 3 }.'
  if (entries.length === 0) throw reader.invalid('replication', 'It names no data centre.', fix)
  for (const [dataCenter, replicas] of entries) reader.whole(replicas, `replication.${dataCenter}`, 100)
  return replication
}
