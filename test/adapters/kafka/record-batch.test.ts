import * as client from '@platformatic/kafka'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchCodec } from '../../../src/adapters/kafka/codec.ts'
import { batchLayout, batchOverhead, encodeBatch, recordBytes } from '../../../src/adapters/kafka/record-batch.ts'
import { endOfBatches, RecordCursor } from '../../../src/adapters/kafka/record-cursor.ts'
import type { LogRecord, NewRecord } from '../../../src/ports/log.ts'

const codec = batchCodec(client)
const all = { maxRecords: 1_000, maxBytes: 1_000_000 }
const origin = { producerId: 4_000_000_000_000n, producerEpoch: 7, sequence: 2 ** 31 - 5 }

const bytes = fc.uint8Array({ maxLength: 300 })
const record: fc.Arbitrary<NewRecord> = fc.record({
  topic: fc.constant('users'),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(fc.string({ unit: 'binary' }), bytes, { maxKeys: 3 }),
})
const records = fc.array(record, { minLength: 1, maxLength: 200 })

function encode(batch: readonly NewRecord[], baseOffset = 0, producerId = origin.producerId): Buffer {
  const encoded = encodeBatch(batch, { ...origin, producerId }, 1_700_000_000_000, codec.checksum)
  encoded.writeBigInt64BE(BigInt(baseOffset), batchLayout.baseOffset)
  return encoded
}

/** A batch as the broker writes it at the end of a transaction. */
function marker(baseOffset: number, kind: 'abort' | 'commit', producerId: bigint): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'commit' ? 1 : 0])
  const batch = encode([{ topic: 'users', key, value: Buffer.alloc(6) }], baseOffset, producerId)
  batch.writeInt16BE(0b110000, batchLayout.attributes)
  batch.writeUInt32BE(codec.checksum(batch.subarray(batchLayout.attributes)), batchLayout.checksum)
  return batch
}

function texts(found: readonly LogRecord[]): string[] {
  return found.map(({ offset, value }) => `${offset} ${Buffer.from(value!).toString()}`)
}

function of(...values: string[]): NewRecord[] {
  return values.map(value => ({ topic: 'users', key: null, value: Buffer.from(value) }))
}

describe('a record batch', () => {
  it('is read by the client as it was meant', () => {
    fc.assert(
      fc.property(records, batch => {
        const encoded = encode(batch)
        const read = client.readRecordsBatch(client.Reader.from(encoded))
        expect(read.producerId).toBe(origin.producerId)
        expect(read.firstSequence).toBe(origin.sequence)
        expect(read.crc).toBe(client.crc32c(encoded.subarray(batchLayout.attributes)))
        expect(read.records.map(each => each.offsetDelta)).toEqual(batch.map((_, index) => index))
        for (const [index, { key, value, headers }] of read.records.entries()) {
          expect(Buffer.from(key ?? 'null')).toEqual(Buffer.from(batch[index]!.key ?? 'null'))
          expect(Buffer.from(value ?? 'null')).toEqual(Buffer.from(batch[index]!.value ?? 'null'))
          expect(headers.length).toBe(Object.keys(batch[index]!.headers ?? {}).length)
        }
      }),
    )
  })

  it('of the client is read as it was meant, compressed or not', () => {
    const compression = fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd')
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 50 }), compression, (values, compression) => {
        const timestamp = 1_700_000_000_123n
        const messages = values.map(value => ({ topic: 'users', value: Buffer.from(value), timestamp }))
        const encoded = client.createRecordsBatch(messages as never, { compression }).buffer
        const found = new RecordCursor(encoded, 0, [], codec, 'users[0]').take(all)
        expect(found.map(each => Buffer.from(each.value!))).toEqual(messages.map(each => each.value))
        expect(new Set(found.map(each => each.timestamp))).toEqual(new Set([Number(timestamp)]))
      }),
    )
  })

  it('comes back as it was, however small the pieces in which it is taken', () => {
    fc.assert(
      fc.property(
        records,
        fc.nat(400),
        fc.integer({ min: 1, max: 30 }),
        fc.nat(9),
        (batch, maxBytes, maxRecords, from) => {
          const cursor = new RecordCursor(encode(batch, 1_000), 1_000 + from, [], codec, 'users[0]')
          const found: LogRecord[] = []
          while (!cursor.exhausted) {
            const taken = cursor.take({ maxRecords, maxBytes })
            expect(taken.length).toBeGreaterThan(0)
            expect(taken.length).toBeLessThanOrEqual(maxRecords)
            found.push(...taken)
          }
          const expected = batch.slice(from)
          expect(found.map(each => each.offset)).toEqual(expected.map((_, index) => 1_000 + from + index))
          expect(found.map(({ key, value }) => [key, value].map(each => each && [...each]))).toEqual(
            expected.map(({ key, value }) => [key, value].map(each => each && [...each])),
          )
          const headers = found.map(each =>
            Object.entries(each.headers ?? {}).map(([name, value]) => [name, [...value]]),
          )
          expect(headers).toEqual(
            expected.map(each => Object.entries(each.headers ?? {}).map(([name, value]) => [name, [...value]])),
          )
        },
      ),
    )
  })

  it('is never larger than what its records were counted as', () => {
    fc.assert(
      fc.property(records, batch => {
        const counted = batchOverhead + batch.reduce((sum, each) => sum + recordBytes(each), 0)
        expect(encode(batch).length).toBeLessThanOrEqual(counted)
      }),
    )
  })

  it('that was damaged anywhere is refused', () => {
    const encoded = encode(of('one', 'two'))
    for (let at = batchLayout.attributes; at < encoded.length; at++) {
      const damaged = Buffer.from(encoded)
      damaged[at]! ^= 0x10
      const read = () => new RecordCursor(damaged, 0, [], codec, 'users[3]').take(all)
      // A damaged count of records can make it look like one that lies before the reader's position.
      expect(read, `byte ${at}`).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT', place: 'users[3]@0' }))
    }
  })
})

describe('a fetched piece', () => {
  it('cut off in the middle of a batch ends with the one before', () => {
    const first = encode(of('a', 'b'), 10)
    const whole = Buffer.concat([first, encode(of('c'), 12)])
    for (let length = first.length; length < whole.length; length++) {
      const piece = whole.subarray(0, length)
      expect(texts(new RecordCursor(piece, 10, [], codec, 'users[0]').take(all))).toEqual(['10 a', '11 b'])
      expect(endOfBatches(piece)).toBe(12)
    }
    expect(endOfBatches(first.subarray(0, 30))).toBeNull()
    expect(endOfBatches(whole)).toBe(13)
  })

  it('leaves out what was aborted, of that producer and up to its end', () => {
    const piece = Buffer.concat([
      encode(of('a'), 0, 1n),
      encode(of('lost'), 1, 2n),
      encode(of('b'), 2, 1n),
      marker(3, 'abort', 2n),
      encode(of('c'), 4, 2n),
      marker(5, 'commit', 2n),
      marker(6, 'commit', 1n),
    ])
    const cursor = new RecordCursor(piece, 0, [{ producerId: 2n, firstOffset: 1n }], codec, 'users[0]')
    expect(texts(cursor.take(all))).toEqual(['0 a', '2 b', '4 c'])
    expect(cursor.offset).toBe(7)
    expect(cursor.exhausted).toBe(true)
  })

  it('is behind the marks that follow its last record as soon as that is taken', () => {
    const piece = Buffer.concat([encode(of('a', 'b'), 0, 1n), marker(2, 'commit', 1n)])
    const cursor = new RecordCursor(piece, 0, [], codec, 'users[0]')
    cursor.take({ ...all, maxRecords: 1 })
    expect(cursor.offset).toBe(1)
    cursor.take({ ...all, maxRecords: 1 })
    expect(cursor.offset).toBe(3)
  })
})
