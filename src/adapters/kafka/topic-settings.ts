import type { TopicSpec } from '../../ports/log.ts'
import { maxHeaderBytes } from '../../ports/record-size.ts'
import { batchOverhead } from './record-batch.ts'

/** Lengths and counts of a record beside key, value and headers, at most. */
const recordOverhead = 64

/** What a batch of one record can have beside its key and value. Kafka limits batches, we limit keys and values. */
const allowance = batchOverhead + recordOverhead + maxHeaderBytes

/** Names of the settings of a topic that a `TopicSpec` speaks of. */
export const specSettings: readonly string[] = ['retention.ms', 'max.message.bytes']

export type TopicSettings = { readonly [name: string]: string }

/** What a topic is created with: `specSettings` and what makes the version of a row trustworthy, the broker's clock. */
export function toNewTopicSettings(spec: TopicSpec): TopicSettings {
  return { ...toSettingsOf(spec), 'message.timestamp.type': 'LogAppendTime' }
}

export function toSettingsOf({ retentionMs, maxRecordBytes }: TopicSpec): TopicSettings {
  return { 'retention.ms': String(retentionMs), 'max.message.bytes': String(maxRecordBytes + allowance) }
}

/** Kafka's -1 is for ever. */
export function retentionOf(settings: TopicSettings): number {
  const retentionMs = Number(settings['retention.ms'])
  return retentionMs < 0 ? Number.MAX_SAFE_INTEGER : retentionMs
}

/** Largest key and value that fit for certain, with any headers that are allowed. */
export function maxRecordBytesOf(settings: TopicSettings): number {
  return Math.max(1, Number(settings['max.message.bytes']) - allowance)
}

export function maxBatchBytesOf(settings: TopicSettings): number {
  return Number(settings['max.message.bytes'])
}
