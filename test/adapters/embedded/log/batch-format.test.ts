import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BatchReader,
  type EncodableRecord,
  encodeBatches,
  Intake,
} from '../../../../src/adapters/embedded/log/batch-format.ts'
import type { LogRecord } from '../../../../src/ports/log.ts'

const bytes = fc.uint8Array({ maxLength: 300 })
const nullable = fc.option(bytes)
const headers = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.uint8Array({ maxLength: 20 }), {
  maxKeys: 3,
  noNullPrototype: true,
})
const encodable: fc.Arbitrary<EncodableRecord> = fc.oneof(
  fc.record({ key: nullable, value: nullable }),
  fc.record({ key: nullable, value: nullable, headers }),
)
const records = fc.array(encodable, { minLength: 1, maxLength: 40 })
const limits = fc.record({ maxRecords: fc.integer({ min: 1, max: 10 }), maxBytes: fc.integer({ min: 1, max: 1_500 }) })

function drain(reader: BatchReader, limitsOf: () => { maxRecords: number; maxBytes: number }): LogRecord[][] {
  const reads: LogRecord[][] = []
  while (!reader.exhausted) {
    const intake = new Intake(limitsOf())
    reader.take(intake)
    reads.push(intake.records)
  }
  return reads
}

function asStored(record: EncodableRecord, offset: number, timestamp: number): LogRecord {
  const { key, value, headers } = record
  const stored = headers === undefined || Object.keys(headers).length === 0 ? null : headers
  return { offset, timestamp, key, value, headers: stored }
}

const plenty = () => ({ maxRecords: 1_000, maxBytes: 1e9 })

describe('the stored form of a batch', () => {
  it('gives back every record, null and empty apart, however few are read at a time', () => {
    fc.assert(
      fc.property(records, fc.array(limits, { minLength: 1 }), fc.nat(1_000), (written, sizes, base) => {
        const [batch] = encodeBatches(written, 1e9)
        const reader = new BatchReader(batch!.data, base, base + written.length, 17, 't[0]@0')
        let read = 0
        const reads = drain(reader, () => sizes[read++ % sizes.length]!)
        expect(reads.flat()).toEqual(written.map((record, index) => asStored(record, base + index, 17)))
        reads.forEach((part, index) => {
          const { maxRecords, maxBytes } = sizes[index % sizes.length]!
          const size = part.reduce((sum, each) => sum + (each.key?.length ?? 0) + (each.value?.length ?? 0), 0)
          expect(part.length).toBeGreaterThan(0)
          expect(part.length).toBeLessThanOrEqual(maxRecords)
          expect(size <= maxBytes || part.length === 1).toBe(true)
        })
      }),
    )
  })

  it('can be read from any record on', () => {
    fc.assert(
      fc.property(records, fc.nat(40), (written, skipped) => {
        const [batch] = encodeBatches(written, 1e9)
        const reader = new BatchReader(batch!.data, 100, 100 + written.length, 0, 't[0]@100')
        reader.skipTo(100 + skipped)
        const read = drain(reader, plenty).flat()
        expect(read).toEqual(written.map((record, index) => asStored(record, 100 + index, 0)).slice(skipped))
      }),
    )
  })

  it('is split at the target size and nowhere else', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 10, max: 3_000 }), (written, target) => {
        const batches = encodeBatches(written, target)
        let offset = 0
        const read = batches.flatMap(({ data, count }, index) => {
          expect(data.length <= target || count === 1).toBe(true)
          const next = batches[index + 1]
          if (next !== undefined) {
            const [first] = encodeBatches([written[offset + count]!], 1e9)
            expect(data.length + first!.data.length - 9).toBeGreaterThan(target)
          }
          const part = drain(new BatchReader(data, offset, offset + count, 0, ''), plenty).flat()
          offset += count
          return part
        })
        expect(read).toEqual(written.map((record, index) => asStored(record, index, 0)))
      }),
    )
  })

  it('is refused as LOG_CORRUPT at its place when any byte of it differs', () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, position, change) => {
        const [batch] = encodeBatches(written, 1e9)
        const data = batch!.data.slice()
        const at = position % data.length
        data[at] = data[at]! ^ change
        expect(() => new BatchReader(data, 0, written.length, 0, 'users[3]@0')).toThrowError(
          expect.objectContaining({ code: 'LOG_CORRUPT', place: 'users[3]@0' }),
        )
      }),
    )
  })

  it.each([0, 1, 8, 9, 20])('is refused when it was cut to %i bytes', length => {
    const [batch] = encodeBatches([{ key: Buffer.from('key'), value: Buffer.from('a value of some length') }])
    const cut = batch!.data.slice(0, length)
    expect(() => new BatchReader(cut, 0, 1, 0, 'users[0]@0')).toThrowError(
      expect.objectContaining({ code: 'LOG_CORRUPT' }),
    )
  })

  it('keeps a header whose name means something to JavaScript', () => {
    const headers = Object.fromEntries([['__proto__', Buffer.from('x')]])
    const [batch] = encodeBatches([{ key: null, value: null, headers }])
    const [[read]] = drain(new BatchReader(batch!.data, 0, 1, 0, ''), plenty) as [[LogRecord]]
    expect(Object.entries(read.headers!)).toEqual([['__proto__', new Uint8Array(Buffer.from('x'))]])
  })
})
