import type { Headers, LogRecord, NewRecord } from '../ports/log.ts'
import type { ErrorCode, MillraceError } from '../sdk/errors.ts'

/** Where the record came from that could not be processed. */
export type DeadLetterOrigin =
  | {
      readonly kind: 'topic'
      readonly topic: string
      readonly partition: number
      readonly offset: number
      /** The version it would have had as a row, so that a replay cannot overwrite what came after it. */
      readonly version: number
    }
  | {
      readonly kind: 'source'
      readonly runId: string
      readonly logicalDate: string
      /** Of the page before it; empty for the first page. */
      readonly cursor: string
      /** Position in the page, from 0. */
      readonly index: number
    }

export interface DeadLetter {
  /** Stage and coordinates: a repeat of the same failure is the same dead letter. */
  readonly id: string
  /** `<pipeline>/<stage>`. */
  readonly stage: string
  readonly origin: DeadLetterOrigin
  readonly code: ErrorCode
  readonly reason: string
  readonly key: Uint8Array | null
  /** As it arrived. */
  readonly value: Uint8Array | null
  /** The record's own headers. */
  readonly headers: Headers | null
}

export function deadLetterId(stage: string, origin: DeadLetterOrigin): string {
  return origin.kind === 'topic'
    ? `${stage}|${origin.topic}|${origin.partition}|${origin.offset}`
    : `${stage}|${origin.runId}|${origin.cursor}|${origin.index}`
}

export interface FailedRecord {
  readonly origin: DeadLetterOrigin
  readonly error: MillraceError
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: Headers | null
}

const prefix = 'millrace.'

/** Carried by a replayed record: the version its row would have had, so that a replay never overwrites what came later. */
const replayVersionHeader = `${prefix}replay-version`

/** The version that a replayed record keeps; null for every other record, also one with another program's idea of the header. */
export function replayVersion(headers: Headers | null): number | null {
  const value = headers?.[replayVersionHeader]
  if (value === undefined) return null
  const text = Buffer.from(value).toString()
  const version = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(version) ? version : null
}

/** A record to be appended to a topic again, or late; its row gets this version. */
export function toReplayRecord(
  record: Pick<DeadLetter, 'key' | 'value'> & { readonly headers?: Headers | null },
  topic: string,
  version: number,
): NewRecord {
  const headers = { ...record.headers, [replayVersionHeader]: Buffer.from(String(version)) }
  return { topic, key: record.key, value: record.value, headers }
}

const replayedHeader = `${prefix}replayed`

/** Says in the dead-letter topic that a letter was replayed: the newest record of an id counts. */
export function toReplayedRecord(topic: string, id: string, at: number): NewRecord {
  const headers = { [replayedHeader]: Buffer.from(new Date(at).toISOString()) }
  return { topic, key: Buffer.from(id), value: null, headers }
}

/** The id of the dead letter that this record says was replayed; null for every other record. */
export function replayedId(record: Pick<LogRecord, 'key' | 'headers'>): string | null {
  if (record.headers?.[replayedHeader] === undefined || record.key === null) return null
  return Buffer.from(record.key).toString()
}

const originalPrefix = 'original.'

/** A failed record as a record of its dead-letter topic: the bytes as they were, everything else in headers. */
export function toDeadLetterRecord(topic: string, stage: string, failed: FailedRecord): NewRecord {
  const headers: Record<string, Uint8Array> = {
    [`${prefix}stage`]: Buffer.from(stage),
    [`${prefix}origin`]: Buffer.from(JSON.stringify(failed.origin)),
    [`${prefix}code`]: Buffer.from(failed.error.code),
    [`${prefix}reason`]: Buffer.from(describe(failed.error)),
  }
  if (failed.key !== null) headers[`${prefix}key`] = failed.key
  for (const [name, value] of Object.entries(failed.headers ?? {})) headers[originalPrefix + name] = value
  return { topic, key: Buffer.from(deadLetterId(stage, failed.origin)), value: failed.value, headers }
}

/** Reads what `toDeadLetterRecord` wrote; null for a record that is not a dead letter of ours. */
export function fromDeadLetterRecord(record: Pick<LogRecord, 'key' | 'value' | 'headers'>): DeadLetter | null {
  const text = (name: string) => {
    const value = record.headers?.[prefix + name]
    return value === undefined ? null : Buffer.from(value).toString()
  }
  const stage = text('stage')
  const origin = readOrigin(text('origin'))
  if (stage === null || origin === null || record.key === null) return null
  const original = Object.entries(record.headers ?? {}).filter(([name]) => name.startsWith(originalPrefix))
  return {
    id: Buffer.from(record.key).toString(),
    stage,
    origin,
    code: (text('code') ?? 'INVARIANT_BROKEN') as ErrorCode,
    reason: text('reason') ?? '',
    key: record.headers?.[`${prefix}key`] ?? null,
    value: record.value,
    headers:
      original.length === 0
        ? null
        : Object.fromEntries(original.map(([name, value]) => [name.slice(originalPrefix.length), value])),
  }
}

/** Null for what another program wrote: anyone may write to the topic. */
function readOrigin(text: string | null): DeadLetterOrigin | null {
  try {
    const origin = JSON.parse(text ?? 'null') as DeadLetterOrigin | null
    return origin?.kind === 'topic' || origin?.kind === 'source' ? origin : null
  } catch {
    return null
  }
}

/** Longest reason kept, in characters. */
const maxReason = 2_000

function describe(error: MillraceError): string {
  const { message, place } = error
  const text = place === null || message.includes(place) ? message : `${message} (${place})`
  return text.length <= maxReason ? text : `${text.slice(0, maxReason - 1)}…`
}
