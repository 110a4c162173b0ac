import { createDecoder, type Decoder } from '../engine/codec.ts'
import { fromDeadLetterRecord } from '../engine/dead-letters.ts'
import type { Headers } from '../ports/log.ts'
import type { SchemaRegistry } from '../ports/schema-registry.ts'
import { asMillraceError, MillraceError } from '../sdk/errors.ts'
import type { TailedRecord } from './tail-records.ts'

/** A record as `tail` prints it. */
export interface RecordLine {
  readonly partition: number
  readonly offset: number
  /** ISO 8601. */
  readonly timestamp: string
  readonly key: TextOrBytes | null
  readonly headers?: { readonly [name: string]: TextOrBytes }
  /** Decoded; null deletes the key. */
  readonly value?: unknown
  /** Why there is no value. */
  readonly undecodable?: string
  /** In place of a value that cannot be decoded, in base64. */
  readonly bytes?: string
  /** Of a record of a dead-letter topic. */
  readonly deadLetter?: { readonly id: string; readonly stage: string; readonly code: string; readonly reason: string }
}

/** Text, or what is not UTF-8 in base64. */
export type TextOrBytes = string | { readonly base64: string }

/** Decodes records of a topic by the schemas they were written with, as the topic's newest schema. */
export async function openRecordPrinter(
  topic: string,
  registry: SchemaRegistry,
): Promise<(records: readonly TailedRecord[]) => Promise<readonly RecordLine[]>> {
  const decoder = await openDecoder(topic, registry)
  return async records => {
    await decoder?.prepare(records)
    return records.map(record => toLine(record, topic, decoder))
  }
}

/** Null for a topic without a schema, such as one of dead letters. */
async function openDecoder(topic: string, registry: SchemaRegistry): Promise<Decoder | null> {
  try {
    const { schema } = await registry.version(`${topic}-value`, 'latest')
    return createDecoder({ node: { kind: 'record', name: topic, fields: [] }, avro: schema, registry })
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.code === 'SUBJECT_UNKNOWN') return null
    throw thrown
  }
}

function toLine(record: TailedRecord, topic: string, decoder: Decoder | null): RecordLine {
  const { partition, offset, key, value } = record
  const place = { partition, offset, timestamp: new Date(record.timestamp).toISOString(), key: key && toText(key) }
  const letter = fromDeadLetterRecord(record)
  if (letter !== null) {
    const { id, stage, code, reason } = letter
    return { ...place, deadLetter: { id, stage, code, reason }, ...(value === null ? {} : { bytes: toBase64(value) }) }
  }
  const shown = { ...place, ...(record.headers === null ? {} : { headers: toHeaders(record.headers) }) }
  if (value === null) return { ...shown, value: null }
  if (decoder === null) return { ...shown, undecodable: `${topic} has no schema.`, bytes: toBase64(value) }
  try {
    return { ...shown, value: decoder.decode(value) }
  } catch (thrown) {
    return { ...shown, undecodable: asMillraceError(thrown).message, bytes: toBase64(value) }
  }
}

function toHeaders(headers: Headers): { readonly [name: string]: TextOrBytes } {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, toText(value)]))
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** The bytes as text if they are UTF-8. */
export function toText(bytes: Uint8Array): TextOrBytes {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { base64: toBase64(bytes) }
  }
}
