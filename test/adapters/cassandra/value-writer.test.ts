import { createRequire } from 'node:module'
import cassandra from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { columnOf } from '../../../src/adapters/cassandra/columns.ts'
import { createClient, EncodedValues } from '../../../src/adapters/cassandra/encoded-values.ts'
import { ValueWriter } from '../../../src/adapters/cassandra/value-writer.ts'
import type { ColumnPlan } from '../../../src/plan/plan.ts'

const { types } = cassandra
const { dataTypes } = types

interface ExecuteRequest {
  write(encoder: object, streamId: number): Buffer
}

const require = createRequire(import.meta.url)
const Encoder = require('cassandra-driver/lib/encoder.js') as new (version: number, options: object) => object
const encoder = new Encoder(types.protocolVersion.v4, {})

const options = { contactPoints: ['127.0.0.1'], localDataCenter: 'datacenter1' }

/** The request that a client would send for a statement with these values, encoded by us or by the driver. */
async function frame(client: cassandra.Client, columns: readonly Typed[], values: unknown): Promise<Buffer> {
  const internals = client as unknown as {
    _createExecuteRequest(...facts: unknown[]): Promise<ExecuteRequest>
    _getEncoder(): object
  }
  // A client has one when it is connected.
  internals._getEncoder = () => encoder
  const meta = {
    ...{ keyspace: 'k', partitionKeys: [] },
    columns: columns.map(({ type }, at) => ({ name: `c${at}`, type: { code: codes[type.kind] } })),
  }
  const facts = {
    ...{ getKeyspace: () => 'k', getRoutingKey: () => null, setRoutingIndexes() {}, getRoutingIndexes: () => null },
    ...{
      getOrGenerateTimestamp: () => types.Long.fromNumber(17),
      getConsistency: () => types.consistencies.localQuorum,
    },
    ...{ isQueryTracing: () => false, getCustomPayload: () => null, getFetchSize: () => 5_000 },
    ...{ getPageState: () => Buffer.from('page'), getSerialConsistency: () => types.consistencies.localSerial },
  }
  const request = await internals._createExecuteRequest('INSERT', Buffer.from('id'), facts, values, meta)
  return request.write(encoder, 3)
}

interface Typed {
  readonly type: ColumnPlan['type']
  readonly value: unknown
}

const codes: { readonly [kind in string]?: number } = {
  text: dataTypes.varchar,
  uuid: dataTypes.uuid,
  long: dataTypes.bigint,
  int: dataTypes.int,
  double: dataTypes.double,
  boolean: dataTypes.boolean,
  timestamp: dataTypes.timestamp,
  decimal: dataTypes.decimal,
}

const column = (type: ColumnPlan['type'], value: fc.Arbitrary<unknown>) => value.map(each => ({ type, value: each }))
const text = { kind: 'text' } as const
const decimal = { kind: 'decimal', precision: 38, scale: 10 } as const
const typed = fc.oneof(
  column(text, fc.string({ unit: 'binary', maxLength: 200 })),
  column(text, fc.string({ unit: 'grapheme', maxLength: 200 })),
  column(text, fc.constantFrom(null, types.unset)),
  column({ kind: 'uuid' }, fc.uuid()),
  column({ kind: 'long' }, fc.maxSafeInteger()),
  column({ kind: 'int' }, fc.integer()),
  column({ kind: 'double' }, fc.double({ noNaN: true })),
  column({ kind: 'boolean' }, fc.boolean()),
  column({ kind: 'timestamp' }, fc.date({ noInvalidDate: true })),
  column(decimal, fc.constantFrom('0', '-1', '1.50', '-0.001', '-128', '128', '-129', '12345678901234567890.5')),
)

/** Each in its place in a buffer that begins too small. */
function encoded(columns: readonly Typed[]): EncodedValues {
  const writer = new ValueWriter(1)
  for (const { type, value } of columns) {
    if (value === null) writer.writeNull()
    else if (value === types.unset) writer.writeUnset()
    else expect(columnOf({ name: 'c', type, nullable: true }).write(value, writer)).toBe(true)
  }
  const half = writer.bytes.length >> 1
  return new EncodedValues(columns.length, [writer.bytes.subarray(0, half), writer.bytes.subarray(half)])
}

describe('values in one buffer', () => {
  const ours = createClient(cassandra, options)
  const drivers = new cassandra.Client(options)

  const same = async (columns: readonly Typed[]) => {
    const [a, b] = [
      await frame(ours, columns, encoded(columns)),
      await frame(
        drivers,
        columns,
        columns.map(({ value }) => value),
      ),
    ]
    // Not toEqual, which takes minutes for megabytes.
    return a.equals(b)
  }

  it('are the bytes that the driver itself would send', async () => {
    const columns = fc.array(typed, { minLength: 1, maxLength: 50 })
    await fc.assert(
      fc.asyncProperty(columns, async columns => {
        expect(await same(columns)).toBe(true)
      }),
    )
  })

  it('may be as many and as large as they like', async () => {
    const large = { type: text, value: 'é'.repeat(1_000_000) }
    for (const columns of [[large, large], []]) expect(await same(columns)).toBe(true)
  })

  it('leave those of other statements to the driver', async () => {
    const columns = [{ type: text, value: 'a' }]
    expect((await frame(ours, columns, ['a'])).equals(await frame(drivers, columns, ['a']))).toBe(true)
  })

  it('are gone once the request is answered', async () => {
    const values = encoded([{ type: text, value: 'a' }])
    values.release()
    expect(values.pieces).toEqual([])
  })

  it.each<[string, unknown]>([
    ['uuid', 'x'.repeat(36)],
    ['uuid', '0'.repeat(36)],
    ['uuid', '0b6f2c1e-8f5a-4b7e-9f64-1f1f1c2d3e4g'],
    ['uuid', '0000000-00000-0000-0000-000000000000'],
    ['uuid', 7],
    ['text', 7],
    ['boolean', 1],
    ['int', 2 ** 31],
    ['long', 2 ** 53],
    ['double', Number.NaN],
    ['decimal', '1.'],
    ['decimal', 1],
    ['timestamp', new Date(Number.NaN)],
  ])('are refused by a column of another type: %s, %s', (kind, value) => {
    const type = { ...decimal, kind } as ColumnPlan['type']
    expect(columnOf({ name: 'c', type, nullable: true }).write(value, new ValueWriter(64))).toBe(false)
  })
})
