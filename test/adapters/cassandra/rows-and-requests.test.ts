import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  maxBytesPerRequest,
  maxRowsPerRequest,
  piecesOf,
  toRequests,
} from '../../../src/adapters/cassandra/requests.ts'
import {
  type EncodedRow,
  type EncodedRows,
  newestOfEachKey,
  RowEncoder,
} from '../../../src/adapters/cassandra/row-encoder.ts'
import type { TablePlan } from '../../../src/plan/plan.ts'
import { type Row, RowsRejected } from '../../../src/ports/table.ts'

const plan: TablePlan = {
  keyspace: 'k',
  name: 't',
  columns: [
    { name: 'label', type: { kind: 'text' }, nullable: true },
    { name: 'id', type: { kind: 'uuid' }, nullable: false },
  ],
  primaryKey: ['id'],
  appendOnly: false,
}
const id = '0b6f2c1e-8f5a-4b7e-9f64-1f1f1c2d3e4f'

function encode(rows: readonly Row[], changes: Partial<TablePlan> = {}, maxRowBytes = 1000): EncodedRows {
  return new RowEncoder({ ...plan, ...changes }, maxRowBytes).encode(rows, null)
}

/** The bytes of each row, in hex and without those of the id. */
function hex({ rows, bytes }: EncodedRows): readonly string[] {
  const withoutDashes = id.replaceAll('-', '')
  return rows.map(({ start, end }) => bytes.toString('hex', start, end).replace(withoutDashes, ' id '))
}

function reasons(rows: readonly Row[], changes: Partial<TablePlan> = {}): (readonly [number, string])[] {
  try {
    encode(rows, changes)
    return []
  } catch (error) {
    if (!(error instanceof RowsRejected)) throw error
    return error.rows.map(({ index, error: { message } }) => [index, message] as const)
  }
}

describe('a row', () => {
  it('is written with its version last, and deleted with its version first', () => {
    const encoded = encode([
      { values: ['a', id], version: 7 },
      { values: [null, id], version: 8, deleted: true },
    ])
    expect(hex(encoded)).toEqual([
      '0000000161' + '00000010 id ' + '000000080000000000000007',
      '000000080000000000000008' + '00000010 id ',
    ])
    expect(encoded.rows[0]!.key).toBe(encoded.rows[1]!.key)
  })

  it('has its nulls written, except in an append-only table', () => {
    const row = { values: [null, id], version: 1 }
    expect(hex(encode([row]))[0]).toMatch(/^ffffffff00000010/)
    expect(hex(encode([row], { appendOnly: true }))[0]).toMatch(/^fffffffe00000010/)
  })

  it('is rejected with its position and the reason', () => {
    const rows: Row[] = [
      { values: ['good', id], version: 1 },
      { values: [1, id], version: 2 },
      { values: ['a', 'no uuid'], version: 3 },
      { values: ['a', null], version: 4 },
      { values: ['é'.repeat(600), id], version: 5 },
    ]
    expect(reasons(rows)).toEqual([
      [1, 'Column label takes text; the row has number.'],
      [2, 'Column id takes a UUID; the row has string.'],
      [3, 'Column id takes a UUID; the row has null.'],
      [4, 'The row has 1236 bytes; the limit is 1000.'],
    ])
  })

  it('is rejected for a key that Cassandra does not take', () => {
    const textKey = { columns: [{ name: 'id', type: { kind: 'text' as const }, nullable: false }] }
    expect(reasons([{ values: [''], version: 1 }], textKey)).toEqual([
      [0, 'Column id takes text that is not empty; the row has string.'],
    ])
    const long = { values: ['x'.repeat(65_536)], version: 1 }
    expect(() => encode([long], textKey, 1_000_000)).toThrow('more than 65535 bytes in id')
  })

  it('is told from others by all columns of its key', () => {
    const columns = [
      plan.columns[0]!,
      plan.columns[1]!,
      { name: 'at', type: { kind: 'timestamp' as const }, nullable: false },
    ]
    const keyed = { columns, primaryKey: ['id', 'at'] }
    const [a, b, c] = encode(
      [
        { values: ['x', id, new Date(1)], version: 1 },
        { values: ['y', id, new Date(1)], version: 2 },
        { values: ['x', id, new Date(2)], version: 3 },
      ],
      keyed,
    ).rows
    expect(a!.key).toBe(b!.key)
    expect(a!.key).not.toBe(c!.key)
  })
})

function row(index: number, changes: Partial<EncodedRow> = {}): EncodedRow {
  const [start, end] = [index * 100, index * 100 + 100]
  return { index, key: index, version: index, deleted: false, start, end, routingKey: null, ...changes }
}

describe('rows of one key', () => {
  it('are sent once, the newest version, the later one of equals', () => {
    const rows = [row(0, { key: 'a', version: 5 }), row(1, { key: 'a', version: 4 }), row(2, { key: 'b' })]
    expect(newestOfEachKey(rows).map(({ index }) => index)).toEqual([0, 2])
    expect(newestOfEachKey([...rows, row(3, { key: 'a', version: 5 })]).map(({ index }) => index)).toEqual([3, 2])
  })
})

describe('requests', () => {
  const rows = fc.array(fc.record({ deleted: fc.boolean(), end: fc.integer({ min: 1, max: 40_000 }) }), {
    maxLength: 200,
  })

  it('hold every row once, are of one kind, a power of two in number, and within the limits', () => {
    fc.assert(
      fc.property(rows, facts => {
        const all = facts.map((fact, index) => row(index, { ...fact, start: 0 }))
        const requests = toRequests(all, null)
        expect(
          requests
            .flat()
            .map(({ index }) => index)
            .sort((a, b) => a - b),
        ).toEqual(all.map(({ index }) => index))
        for (const request of requests) {
          expect(Number.isInteger(Math.log2(request.length))).toBe(true)
          expect(request.length).toBeLessThanOrEqual(maxRowsPerRequest)
          expect(new Set(request.map(({ deleted }) => deleted)).size).toBe(1)
          const bytes = request.reduce((sum, { end }) => sum + end, 0)
          expect(request.length === 1 || bytes <= maxBytesPerRequest).toBe(true)
        }
      }),
    )
  })

  it('are as few as the limits allow', () => {
    expect(
      toRequests(
        Array.from({ length: 37 }, (_, i) => row(i)),
        null,
      ).map(each => each.length),
    ).toEqual([32, 4, 1])
  })

  it('hold rows of the same replicas only', () => {
    const [even, odd] = [{}, {}]
    const all = Array.from({ length: 8 }, (_, i) => row(i))
    const requests = toRequests(all, ({ index }) => (index % 2 === 0 ? even : odd))
    expect(requests.map(request => request.map(({ index }) => index))).toEqual([
      [0, 2, 4, 6],
      [1, 3, 5, 7],
    ])
  })

  it('take their bytes in one piece where rows follow each other', () => {
    const bytes = Buffer.from('aabbccddee')
    const rows = [0, 1, 3].map(index => row(index, { start: index * 2, end: index * 2 + 2 }))
    expect(piecesOf(rows, bytes).map(String)).toEqual(['aabb', 'dd'])
  })
})
