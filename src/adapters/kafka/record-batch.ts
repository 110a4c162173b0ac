import type { NewRecord } from '../../ports/log.ts'
import { varintBytes, writeVarint } from './varint.ts'

/**
 * The second version of Kafka's record batches, as brokers store and send them:
 * https://kafka.apache.org/documentation/#recordbatch
 */
export const batchLayout = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  checksum: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const

export const attribute = { compression: 0b111, logAppendTime: 1 << 3, transactional: 1 << 4, control: 1 << 5 } as const

/** Bytes of a batch beside its records. */
export const batchOverhead = batchLayout.records

/** Which producer's batch it is, and where it stands among those it sent to the partition. */
export interface BatchOrigin {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly sequence: number
}

export type Checksum = (bytes: Uint8Array) => number

/** What a record takes at most as a part of a batch, wherever in it. */
export function recordBytes(record: NewRecord): number {
  const body = bodyBytes(record) + varintBytes(2 ** 31 - 1)
  return varintBytes(body) + body
}

/** One batch of a transaction. It has no compression, and the time is for the broker to set. */
export function encodeBatch(
  records: readonly NewRecord[],
  origin: BatchOrigin,
  timestamp: number,
  checksum: Checksum,
): Buffer {
  let bytes = batchOverhead
  const bodies = new Array<number>(records.length)
  for (let index = 0; index < records.length; index++) {
    const body = bodyBytes(records[index]!) + varintBytes(index)
    bodies[index] = body
    bytes += varintBytes(body) + body
  }
  const batch = Buffer.allocUnsafe(bytes)
  batch.writeBigInt64BE(0n, batchLayout.baseOffset)
  batch.writeInt32BE(bytes - batchLayout.leaderEpoch, batchLayout.length)
  batch.writeInt32BE(-1, batchLayout.leaderEpoch)
  batch.writeInt8(2, batchLayout.magic)
  batch.writeInt16BE(attribute.transactional, batchLayout.attributes)
  batch.writeInt32BE(records.length - 1, batchLayout.lastOffsetDelta)
  batch.writeBigInt64BE(BigInt(timestamp), batchLayout.baseTimestamp)
  batch.writeBigInt64BE(BigInt(timestamp), batchLayout.maxTimestamp)
  batch.writeBigInt64BE(origin.producerId, batchLayout.producerId)
  batch.writeInt16BE(origin.producerEpoch, batchLayout.producerEpoch)
  batch.writeInt32BE(origin.sequence, batchLayout.baseSequence)
  batch.writeInt32BE(records.length, batchLayout.count)
  let position: number = batchLayout.records
  for (let index = 0; index < records.length; index++) {
    position = writeVarint(batch, position, bodies[index]!)
    position = writeRecord(batch, position, records[index]!, index)
  }
  batch.writeUInt32BE(checksum(batch.subarray(batchLayout.attributes)), batchLayout.checksum)
  return batch
}

/** A record without its length and its offset: attributes, time, key, value, headers. */
function bodyBytes({ key, value, headers }: NewRecord): number {
  let bytes = 2 + fieldBytes(key) + fieldBytes(value)
  if (headers === undefined) return bytes + 1
  const names = Object.keys(headers)
  bytes += varintBytes(names.length)
  for (const name of names) {
    const length = Buffer.byteLength(name)
    bytes += varintBytes(length) + length + fieldBytes(headers[name]!)
  }
  return bytes
}

function fieldBytes(field: Uint8Array | null): number {
  return field === null ? 1 : varintBytes(field.length) + field.length
}

function writeRecord(target: Buffer, start: number, { key, value, headers }: NewRecord, index: number): number {
  let position = start
  target[position++] = 0
  target[position++] = 0
  position = writeVarint(target, position, index)
  position = writeField(target, position, key)
  position = writeField(target, position, value)
  const names = headers === undefined ? [] : Object.keys(headers)
  position = writeVarint(target, position, names.length)
  for (const name of names) {
    position = writeField(target, position, Buffer.from(name))
    position = writeField(target, position, headers![name]!)
  }
  return position
}

function writeField(target: Buffer, position: number, field: Uint8Array | null): number {
  if (field === null) return writeVarint(target, position, -1)
  const start = writeVarint(target, position, field.length)
  target.set(field, start)
  return start + field.length
}
