import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { MillraceError } from '../../sdk/errors.ts'
import { parseDuration, parseSize } from '../../sdk/quantities.ts'
import type { CassandraConfig, CassandraConsistency } from '../../sdk/targets/cassandra.ts'

import type { SecretInEnvironment, TlsFiles } from '../../sdk/targets/connection.ts'
export type Environment = { readonly [name: string]: string | undefined }

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
export function readSettings(config: CassandraConfig, env: Environment, directory: string): Settings {
  const { auth, tls, limits = {}, consistency = 'LOCAL_QUORUM' } = config
  if (!consistencies.includes(consistency)) {
    throw invalid('consistency', `There is no consistency ${consistency}.`, `Use one of: ${consistencies.join(', ')}.`)
  }
  if (typeof config.localDataCenter !== 'string' || config.localDataCenter === '') {
    const fix = 'Give its name, as `nodetool status` shows it; datacenter1 if none was ever set.'
    throw invalid('localDataCenter', 'The local data centre is not given.', fix)
  }
  const maxRowBytes = parseSize(limits.maxRowBytes ?? '1 MiB')
  if (maxRowBytes > largestRowBytes) {
    throw invalid('limits.maxRowBytes', `${maxRowBytes} bytes are too many.`, 'Give at most 15 MiB.')
  }
  return {
    contactPoints: readContactPoints(config.contactPoints),
    localDataCenter: config.localDataCenter,
    consistency,
    replication: readReplication(config.replication),
    credentials:
      auth === undefined
        ? null
        : {
            username: typeof auth.user === 'string' ? auth.user : secret(auth.user, env, 'auth.user'),
            password: secret(auth.password, env, 'auth.password'),
          },
    tls: tls === undefined ? null : readTls(tls, env, directory),
    timeoutMs: parseDuration(limits.timeout ?? '5s'),
    queryTimeoutMs: parseDuration(limits.queryTimeout ?? '30s'),
    requestsInFlight: whole(limits.requestsInFlight ?? 16, 'limits.requestsInFlight', 1024),
    bytesInFlight: parseSize(limits.bytesInFlight ?? '16 MiB'),
    maxRowBytes,
    tries: whole(limits.tries ?? 4, 'limits.tries', 20),
  }
}

function readContactPoints(points: readonly string[]): readonly string[] {
  const fix = "Give at least one, such as ['127.0.0.1:9042']."
  if (!Array.isArray(points) || points.length === 0) throw invalid('contactPoints', 'There are no contact points.', fix)
  for (const point of points) {
    if (typeof point === 'string' && /^(?:[^\s:/@]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(point)) continue
    throw invalid('contactPoints', `${JSON.stringify(point)} is not host or host:port.`, fix)
  }
  return points
}

function readReplication(replication: CassandraConfig['replication']): Settings['replication'] {
  if (replication === undefined) return null
  const entries = Object.entries(replication)
  const fix = 'Give each data centre its number of replicas, such as { datacenter1: 3 }.'
  if (entries.length === 0) throw invalid('replication', 'It names no data centre.', fix)
  for (const [dataCenter, replicas] of entries) whole(replicas, `replication.${dataCenter}`, 100)
  return replication
}

function readTls(tls: TlsFiles, env: Environment, directory: string): ConnectionOptions {
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalid('tls', 'Only one of cert and key is given.', 'Give both, or neither.')
  }
  const file = (option: 'ca' | 'cert' | 'key') => {
    const path = tls[option]
    return path === undefined ? {} : { [option]: readPem(resolve(directory, path), `tls.${option}`) }
  }
  return {
    // The driver's own default is false, which encrypts without knowing for whom.
    rejectUnauthorized: true,
    ...file('ca'),
    ...file('cert'),
    ...file('key'),
    ...(tls.passphrase === undefined ? {} : { passphrase: secret(tls.passphrase, env, 'tls.passphrase') }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  }
}

function readPem(path: string, option: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw invalid(option, `The file cannot be read: ${(cause as Error).message}.`, 'Correct the path.')
  }
}

function secret({ env: name }: SecretInEnvironment, env: Environment, option: string): string {
  const value = typeof name === 'string' ? env[name] : undefined
  if (value) return value
  throw invalid(option, `The environment variable ${name} is not set.`, `Set ${name} where this runs.`)
}

function whole(value: number, option: string, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw invalid(option, `${value} is out of range.`, `Give a whole number from 1 to ${most}.`)
}

function invalid(option: string, message: string, fix: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', message, { place: `cassandra › ${option}`, fix })
}
