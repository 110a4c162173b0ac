import { crc32 } from 'node:zlib'
import type { Headers, LogRecord, NewRecord } from '../../../ports/log.ts'
import { MillraceError } from '../../../sdk/errors.ts'

/**
 * How the records of one append to one partition are stored. Offsets and the timestamp are the row's; here are
 *
 *     version u8 | crc32 of all that follows u32 LE | record count u32 LE | records
 *     record: key | value | header count | (name | value) of each header
 *
 * where counts are LEB128, and a key, value or name is its length as LEB128, then its bytes. The length of a record's
 * key and value is stored plus one, so that 0 says null and 1 says empty.
 */
const version = 1
const headBytes = 9

/** Larger appends are stored as several batches, so that a reader never holds much more than this. */
const targetBatchBytes = 256 * 1024

export type EncodableRecord = Pick<NewRecord, 'key' | 'value' | 'headers'>

export interface EncodedBatch {
  readonly data: Uint8Array
  readonly count: number
}

/** Encodes records in order; each batch but the last is about `targetBytes` long, or one larger record. */
export function encodeBatches(records: readonly EncodableRecord[], targetBytes = targetBatchBytes): EncodedBatch[] {
  const batches: EncodedBatch[] = []
  let from = 0
  let bytes = headBytes
  for (let at = 0; at < records.length; at++) {
    const size = encodedBytes(records[at]!)
    if (at > from && bytes + size > targetBytes) {
      batches.push(encode(records, from, at, bytes))
      from = at
      bytes = headBytes
    }
    bytes += size
  }
  if (from < records.length) batches.push(encode(records, from, records.length, bytes))
  return batches
}

function encode(records: readonly EncodableRecord[], from: number, to: number, bytes: number): EncodedBatch {
  const data = Buffer.allocUnsafe(bytes)
  let at = headBytes
  for (let index = from; index < to; index++) {
    const { key, value, headers } = records[index]!
    at = writeNullable(data, at, key)
    at = writeNullable(data, at, value)
    const entries = headers === undefined ? [] : Object.entries(headers)
    at = writeVarint(data, at, entries.length)
    for (const [name, bytes] of entries) {
      at = writeVarint(data, at, Buffer.byteLength(name))
      at += data.write(name, at)
      at = writeVarint(data, at, bytes.length)
      data.set(bytes, at)
      at += bytes.length
    }
  }
  const count = to - from
  data[0] = version
  data.writeUInt32LE(count, 5)
  data.writeUInt32LE(crc32(data.subarray(5)), 1)
  return { data, count }
}

function encodedBytes(record: EncodableRecord): number {
  const { key, value, headers } = record
  const body = nullableBytes(key) + nullableBytes(value)
  if (headers === undefined) return body + 1
  const entries = Object.entries(headers)
  let bytes = body + varintBytes(entries.length)
  for (const [name, value] of entries) {
    const nameBytes = Buffer.byteLength(name)
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(value.length) + value.length
  }
  return bytes
}

function nullableBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length + 1) + bytes.length
}

function writeNullable(data: Buffer, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(data, at, 0)
  const start = writeVarint(data, at, bytes.length + 1)
  data.set(bytes, start)
  return start + bytes.length
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest > 0x7f; rest >>>= 7) bytes++
  return bytes
}

function writeVarint(data: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 0x7f) {
    data[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  data[at++] = rest
  return at
}

/** Records on their way out, and how many more may join them. */
export class Intake {
  readonly records: LogRecord[] = []
  readonly maxRecords: number
  readonly maxBytes: number
  bytes = 0

  constructor(limits: { readonly maxRecords: number; readonly maxBytes: number }) {
    this.maxRecords = limits.maxRecords
    this.maxBytes = limits.maxBytes
  }
}

/**
 * Hands out the records of a stored batch a few at a time, decoding each once. Keys and values are views of the
 * batch: holding one keeps the batch in memory.
 */
export class BatchReader {
  /** The offset of the next record. */
  offset: number
  readonly #data: Uint8Array
  readonly #timestamp: number
  readonly #end: number
  #at = headBytes

  /** @throws MillraceError `LOG_CORRUPT`. */
  constructor(data: Uint8Array, baseOffset: number, nextOffset: number, timestamp: number, place: string) {
    const view = new DataView(data.buffer, data.byteOffset, data.length)
    const intact =
      data.length >= headBytes &&
      data[0] === version &&
      view.getUint32(1, true) === crc32(data.subarray(5)) &&
      view.getUint32(5, true) === nextOffset - baseOffset
    if (!intact) throw corrupt(place, 'The stored batch does not match its checksum')
    this.#data = data
    this.#timestamp = timestamp
    this.#end = nextOffset
    this.offset = baseOffset
  }

  get exhausted(): boolean {
    return this.offset >= this.#end
  }

  skipTo(offset: number): void {
    while (this.offset < offset && !this.exhausted) {
      this.#skipNullable()
      this.#skipNullable()
      for (let headers = this.#varint(); headers > 0; headers--) {
        this.#skip(this.#varint())
        this.#skip(this.#varint())
      }
      this.offset++
    }
  }

  /** Moves records into `intake` until it is full or this batch is exhausted; false if the intake is full. */
  take(intake: Intake): boolean {
    const { records, maxRecords, maxBytes } = intake
    while (!this.exhausted) {
      if (records.length >= maxRecords) return false
      const start = this.#at
      const key = this.#nullable()
      const value = this.#nullable()
      const headers = this.#headers()
      const bytes = this.#at - start
      if (records.length > 0 && intake.bytes + bytes > maxBytes) {
        this.#at = start
        return false
      }
      intake.bytes += bytes
      records.push({ offset: this.offset++, timestamp: this.#timestamp, key, value, headers })
    }
    return records.length < maxRecords && intake.bytes < maxBytes
  }

  #nullable(): Uint8Array | null {
    const length = this.#varint()
    return length === 0 ? null : this.#bytes(length - 1)
  }

  #skipNullable(): void {
    const length = this.#varint()
    if (length > 0) this.#at += length - 1
  }

  #skip(length: number): void {
    this.#at += length
  }

  #headers(): Headers | null {
    const count = this.#varint()
    if (count === 0) return null
    const entries: [string, Uint8Array][] = []
    for (let index = 0; index < count; index++) {
      const name = Buffer.from(this.#bytes(this.#varint())).toString()
      entries.push([name, this.#bytes(this.#varint())])
    }
    return Object.fromEntries(entries)
  }

  #bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(this.#data.buffer, this.#data.byteOffset + this.#at, length)
    this.#at += length
    return bytes
  }

  #varint(): number {
    let byte = this.#data[this.#at++]!
    let value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      byte = this.#data[this.#at++]!
      value |= (byte & 0x7f) << shift
    }
    return value
  }
}

export function corrupt(place: string, what: string): MillraceError {
  return new MillraceError('LOG_CORRUPT', `${what} at ${place}.`, {
    place,
    fix: 'Restore the log from a backup, or skip these records by moving the group past them.',
  })
}
