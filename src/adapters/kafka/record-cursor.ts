import type { Headers, LogRecord } from '../../ports/log.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { attribute, batchLayout, batchOverhead, type Checksum } from './record-batch.ts'
import { VarintReader } from './varint.ts'

/** A transaction that did not happen: the producer's records from this offset on, up to the marker that ends it. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

/** How the bytes of batches are checked and unpacked. */
export interface BatchCodec {
  readonly checksum: Checksum
  /** @param algorithm the number in the batch's attributes */
  readonly decompress: (algorithm: number, bytes: Buffer) => Buffer
}

export interface TakeLimits {
  readonly maxRecords: number
  /** Of whole records; one record is taken however large it is. */
  readonly maxBytes: number
}

/** The batch that is being read. */
interface OpenBatch {
  readonly baseOffset: number
  readonly baseTimestamp: number
  /** The broker's time of all its records; null where each has its producer's own. */
  readonly appendTime: number | null
  readonly nextOffset: number
  readonly reader: VarintReader
  left: number
}

/**
 * Reads the committed records of one fetched piece of a partition, a few at a time, so that what waits in memory are the
 * bytes as they came. Keys and values are views of those bytes.
 */
export class RecordCursor {
  readonly #bytes: Buffer
  readonly #aborted: AbortedTransaction[]
  readonly #codec: BatchCodec
  readonly #place: string
  /** Producers whose open transaction was aborted. */
  readonly #aborting = new Set<bigint>()
  #at = 0
  #batch: OpenBatch | null = null
  #offset: number

  /**
   * @param bytes whole batches, the last of which may be cut off
   * @param from records before it are left out: a batch is always sent whole
   */
  constructor(bytes: Buffer, from: number, aborted: readonly AbortedTransaction[], codec: BatchCodec, place: string) {
    this.#bytes = bytes
    this.#offset = from
    this.#aborted = [...aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
    this.#codec = codec
    this.#place = place
  }

  /** Where reading goes on after what was taken, behind markers and aborted records that follow it. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes held in memory. */
  get bytes(): number {
    return this.#bytes.length
  }

  /** Whether no record is left. @throws MillraceError `LOG_CORRUPT`. */
  get exhausted(): boolean {
    return !this.#advance()
  }

  /** @throws MillraceError `LOG_CORRUPT`. */
  take({ maxRecords, maxBytes }: TakeLimits): LogRecord[] {
    const records: LogRecord[] = []
    let bytes = 0
    while (records.length < maxRecords && this.#advance()) {
      const batch = this.#batch!
      const { reader } = batch
      const start = reader.position
      const record = this.#readRecord(batch)
      bytes += reader.position - start
      if (bytes > maxBytes && records.length > 0) {
        reader.position = start
        break
      }
      batch.left--
      if (record.offset < this.#offset) {
        bytes = 0
        continue
      }
      this.#offset = record.offset + 1
      records.push(record)
    }
    if (records.length > 0) this.#advance()
    return records
  }

  /** Opens the batch with the next record, if there is one. */
  #advance(): boolean {
    for (;;) {
      if (this.#batch !== null) {
        if (this.#batch.left > 0) return true
        // Compaction may have taken the last records of a batch.
        this.#offset = Math.max(this.#offset, this.#batch.nextOffset)
        this.#batch = null
      }
      if (!this.#openNext()) return false
    }
  }

  /** Whether there was another batch; one without anything to read is skipped. */
  #openNext(): boolean {
    const bytes = this.#bytes
    const start = this.#at
    if (bytes.length - start < batchOverhead) return false
    const end = start + batchLayout.leaderEpoch + bytes.readInt32BE(start + batchLayout.length)
    if (end > bytes.length) return false
    const batch = bytes.subarray(start, end)
    this.#at = end
    const baseOffset = Number(batch.readBigInt64BE(batchLayout.baseOffset))
    if (batch[batchLayout.magic] !== 2)
      throw this.#corrupt(baseOffset, `has the unknown format ${batch[batchLayout.magic]}`)
    const nextOffset = baseOffset + batch.readInt32BE(batchLayout.lastOffsetDelta) + 1
    const attributes = batch.readInt16BE(batchLayout.attributes)
    if (nextOffset <= this.#offset && (attributes & attribute.control) === 0) return true
    if (this.#codec.checksum(batch.subarray(batchLayout.attributes)) !== batch.readUInt32BE(batchLayout.checksum)) {
      throw this.#corrupt(baseOffset, 'does not match its checksum')
    }
    if (this.#leftOut(batch, attributes, nextOffset)) {
      this.#offset = Math.max(this.#offset, nextOffset)
      return true
    }
    const baseTimestamp = Number(batch.readBigInt64BE(batchLayout.baseTimestamp))
    const isAppendTime = (attributes & attribute.logAppendTime) !== 0
    const algorithm = attributes & attribute.compression
    this.#batch = {
      baseOffset,
      baseTimestamp,
      appendTime: isAppendTime ? Number(batch.readBigInt64BE(batchLayout.maxTimestamp)) : null,
      nextOffset,
      reader:
        algorithm === 0
          ? new VarintReader(batch, batchLayout.records)
          : new VarintReader(this.#codec.decompress(algorithm, batch.subarray(batchLayout.records)), 0),
      left: batch.readInt32BE(batchLayout.count),
    }
    return true
  }

  /** Whether it is a marker, or of an aborted transaction. */
  #leftOut(batch: Buffer, attributes: number, nextOffset: number): boolean {
    if ((attributes & attribute.transactional) === 0) return (attributes & attribute.control) !== 0
    const producerId = batch.readBigInt64BE(batchLayout.producerId)
    while (this.#aborted.length > 0 && this.#aborted[0]!.firstOffset < nextOffset) {
      this.#aborting.add(this.#aborted.shift()!.producerId)
    }
    if ((attributes & attribute.control) === 0) return this.#aborting.has(producerId)
    this.#aborting.delete(producerId)
    return true
  }

  #readRecord(batch: OpenBatch): LogRecord {
    const { reader } = batch
    try {
      // Length and attributes, neither of which is needed.
      reader.read()
      reader.position++
      const timestampDelta = reader.read()
      const offset = batch.baseOffset + reader.read()
      const key = readField(reader)
      const value = readField(reader)
      const headers = readHeaders(reader)
      return { offset, timestamp: batch.appendTime ?? batch.baseTimestamp + timestampDelta, key, value, headers }
    } catch (cause) {
      throw this.#corrupt(batch.baseOffset, 'holds something other than records', cause)
    }
  }

  #corrupt(offset: number, what: string, cause?: unknown): MillraceError {
    const place = `${this.#place}@${offset}`
    return new MillraceError('LOG_CORRUPT', `The record batch at ${place} ${what}.`, { place, cause })
  }
}

/** The offset after the last whole batch; null if there is none. */
export function endOfBatches(bytes: Buffer): number | null {
  let end: number | null = null
  for (let at = 0; bytes.length - at >= batchOverhead; ) {
    const next = at + batchLayout.leaderEpoch + bytes.readInt32BE(at + batchLayout.length)
    if (next > bytes.length) break
    const baseOffset = Number(bytes.readBigInt64BE(at + batchLayout.baseOffset))
    end = baseOffset + bytes.readInt32BE(at + batchLayout.lastOffsetDelta) + 1
    at = next
  }
  return end
}

function readField(reader: VarintReader): Uint8Array | null {
  const length = reader.read()
  if (length < 0) return null
  const start = reader.position
  const end = start + length
  if (end > reader.bytes.length) throw new RangeError('A field goes beyond the end.')
  reader.position = end
  return reader.bytes.subarray(start, end)
}

function readHeaders(reader: VarintReader): Headers | null {
  const count = reader.read()
  if (count <= 0) return null
  const headers: [string, Uint8Array][] = []
  for (let index = 0; index < count; index++) {
    const name = readField(reader) ?? new Uint8Array()
    headers.push([
      Buffer.from(name.buffer, name.byteOffset, name.length).toString(),
      readField(reader) ?? new Uint8Array(),
    ])
  }
  return Object.fromEntries(headers)
}
