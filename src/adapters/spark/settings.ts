import { isAbsolute, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseDuration } from '../../sdk/quantities.ts'
import type { SparkConfig } from '../../sdk/targets/spark.ts'
import { SettingsReader, type Surroundings } from '../system/settings-reader.ts'
import { type Endpoint, parseRemote } from './connect/endpoint.ts'
import type { StreamStart } from './connect/messages.ts'

/** A configuration with its defaults, secrets and files. */
export interface SparkSettings {
  readonly endpoint: Endpoint
  /** A URI, without a slash at its end. */
  readonly checkpoints: string
  /** As a query is started with it. */
  readonly trigger: Trigger
  /** Null in real-time mode, which has no such limit. */
  readonly maxOffsetsPerTrigger: number | null
  /** To set in the session. */
  readonly conf: { readonly [name: string]: string }
}

type Trigger = Pick<
  StreamStart,
  'processing_time_interval' | 'available_now' | 'real_time_batch_duration' | 'output_mode'
>

/** Spark 4.2 admits a sink to real-time mode by a list of its own, unless it is told not to look. */
const realTimeConf = { 'spark.sql.streaming.realTimeMode.allowlistCheck': 'false' }

/** Spark refuses real-time mode with a shorter time between commits, in milliseconds, unless this setting says another one. */
const minRealTimeMs = 5_000
const minRealTimeSetting = 'spark.sql.streaming.realTimeMode.minBatchDuration'

/** @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`. */
export function readSettings(config: SparkConfig, surroundings: Surroundings): SparkSettings {
  const reader = new SettingsReader('spark', surroundings)
  const { token, shufflePartitions, conf = {}, maxOffsetsPerTrigger } = config
  if (typeof config.url !== 'string') {
    throw reader.invalid('url', 'The address of Spark is not given.', 'Write it as sc://127.0.0.1:15002.')
  }
  const trigger = readTrigger(config.trigger, minRealTimeSetting in conf ? 0 : minRealTimeMs, reader)
  const isRealTime = trigger.real_time_batch_duration !== undefined
  if (isRealTime && maxOffsetsPerTrigger !== undefined) {
    const message = 'A batch of real-time mode ends when its time is over, and has no number of records.'
    throw reader.invalid('maxOffsetsPerTrigger', message, 'Leave it out, or use another trigger.')
  }
  const partitions = shufflePartitions && reader.whole(shufflePartitions, 'shufflePartitions', 100_000)
  return {
    endpoint: parseRemote(config.url, readToken(token, reader)),
    checkpoints: readCheckpoints(config.checkpoints, reader, surroundings),
    trigger,
    maxOffsetsPerTrigger: isRealTime
      ? null
      : reader.whole(maxOffsetsPerTrigger ?? 100_000, 'maxOffsetsPerTrigger', 2 ** 31 - 1),
    conf: {
      ...(partitions !== undefined && { 'spark.sql.shuffle.partitions': String(partitions) }),
      ...(isRealTime && realTimeConf),
      ...readConf(conf, reader),
    },
  }
}

function readToken(token: SparkConfig['token'], reader: SettingsReader): string | null {
  if (token === undefined) return null
  const fix = 'Correct the path, or start first what writes it: `millrace stack up spark`.'
  return 'file' in token ? reader.secretFile(token, 'token', fix) : reader.secret(token, 'token')
}

function readCheckpoints(text: unknown, reader: SettingsReader, { directory }: Surroundings): string {
  if (typeof text !== 'string' || text === '') {
    const fix = 'Give a directory that Spark can write, such as s3a://bucket/checkpoints.'
    throw reader.invalid('checkpoints', 'There is no directory for checkpoints.', fix)
  }
  const isUri = /^[a-z][a-z0-9+.-]+:/i.test(text) && !isAbsolute(text)
  return (isUri ? text : pathToFileURL(resolve(directory, text)).href).replace(/\/+$/, '')
}

function readTrigger(trigger: SparkConfig['trigger'], minMs: number, reader: SettingsReader): Trigger {
  if (trigger === undefined) return { processing_time_interval: '0 seconds', output_mode: 'append' }
  if (trigger === 'available-now') return { available_now: true, output_mode: 'append' }
  if (typeof trigger === 'string') {
    return { processing_time_interval: inMilliseconds(trigger), output_mode: 'append' }
  }
  if (typeof trigger.realTime !== 'string') {
    const fix = "Use a duration, 'available-now' or { realTime: '5m' }."
    throw reader.invalid('trigger', `There is no trigger ${JSON.stringify(trigger)}.`, fix)
  }
  if (parseDuration(trigger.realTime) < minMs) {
    const message = `Real-time mode has at least ${minMs} ms between its commits; rows do not wait for them.`
    throw reader.invalid('trigger', message, `Use { realTime: '5s' } or longer, or set ${minRealTimeSetting} in conf.`)
  }
  // A row that is not finished yet is changed later, as far as Spark knows, and so it asks for this mode.
  return { real_time_batch_duration: inMilliseconds(trigger.realTime), output_mode: 'update' }
}

function inMilliseconds(duration: string): string {
  return `${parseDuration(duration)} milliseconds`
}

function readConf(conf: object, reader: SettingsReader): { readonly [name: string]: string } {
  for (const [name, value] of Object.entries(conf)) {
    if (name.startsWith('spark.') && typeof value === 'string') continue
    const fix = "Write settings as 'spark.…': 'text'."
    throw reader.invalid(`conf.${name}`, 'It is not a setting of Spark with its value as text.', fix)
  }
  return { ...conf }
}
