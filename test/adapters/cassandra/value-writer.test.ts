import { createRequire } from 'node:module'
import cassandra from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createClient } from '../../../src/adapters/cassandra/value-writer.ts'

const { types } = cassandra
const { dataTypes } = types

interface ExecuteRequest {
  write(encoder: object, streamId: number): Buffer
}

const require = createRequire(import.meta.url)
const Encoder = require('cassandra-driver/lib/encoder.js') as new (version: number, options: object) => object
const encoder = new Encoder(types.protocolVersion.v4, {})

const options = { contactPoints: ['127.0.0.1'], localDataCenter: 'datacenter1' }

/** The request that a client would send for a statement with these values. */
async function frame(client: cassandra.Client, columns: readonly Typed[], fetchSize = 5_000): Promise<Buffer> {
  const internals = client as unknown as {
    _createExecuteRequest(...facts: unknown[]): Promise<ExecuteRequest>
    _getEncoder(): object
  }
  // A client has one when it is connected.
  internals._getEncoder = () => encoder
  const meta = { columns: columns.map(({ code }, at) => ({ name: `c${at}`, type: { code } })), keyspace: 'k' }
  const facts = {
    ...{ getKeyspace: () => 'k', getRoutingKey: () => null, setRoutingIndexes() {}, getRoutingIndexes: () => null },
    ...{
      getOrGenerateTimestamp: () => types.Long.fromNumber(17),
      getConsistency: () => types.consistencies.localQuorum,
    },
    ...{ isQueryTracing: () => false, getCustomPayload: () => null, getFetchSize: () => fetchSize },
    ...{ getPageState: () => Buffer.from('page'), getSerialConsistency: () => types.consistencies.localSerial },
  }
  const values = columns.map(({ value }) => value)
  const request = await internals._createExecuteRequest('INSERT', Buffer.from('id'), facts, values, {
    ...{ ...meta, partitionKeys: [] },
  })
  return request.write(encoder, 3)
}

interface Typed {
  readonly code: number
  readonly value: unknown
}

const column = (code: number, value: fc.Arbitrary<unknown>) => value.map(each => ({ code, value: each }))
const typed = fc.oneof(
  column(dataTypes.varchar, fc.string({ unit: 'binary', maxLength: 200 })),
  column(dataTypes.text, fc.string({ unit: 'grapheme', maxLength: 200 })),
  column(dataTypes.uuid, fc.uuid()),
  column(dataTypes.bigint, fc.maxSafeInteger()),
  column(dataTypes.int, fc.integer()),
  column(dataTypes.double, fc.double({ noNaN: true })),
  column(dataTypes.boolean, fc.boolean()),
  column(dataTypes.timestamp, fc.date({ noInvalidDate: true, min: new Date(0) })),
  column(dataTypes.decimal, fc.constantFrom('1.50', '-0.001', '12345678901234567890.5')),
  column(dataTypes.varchar, fc.constantFrom(null, types.unset)),
)

describe('values in one buffer', () => {
  const ours = createClient(cassandra, options)
  const drivers = new cassandra.Client(options)

  it('are the bytes that the driver itself would send', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(typed, { minLength: 1, maxLength: 50 }), async columns => {
        expect(await frame(ours, columns)).toEqual(await frame(drivers, columns))
      }),
    )
  })

  it('grow to what a request needs, and the next request is whole', async () => {
    const large = { code: dataTypes.varchar, value: 'é'.repeat(1_000_000) }
    const small = { code: dataTypes.varchar, value: 'a' }
    for (const columns of [[small, large, large], [small], []]) {
      // Not toEqual, which takes minutes for megabytes.
      expect((await frame(ours, columns)).equals(await frame(drivers, columns))).toBe(true)
    }
  })

  it('that are wrong end as with the driver', async () => {
    const outcome = (client: cassandra.Client, columns: readonly Typed[]) =>
      frame(client, columns).catch((thrown: Error) => thrown.message)
    const uuids = ['x'.repeat(36), '0'.repeat(36), '0000000-00000-0000-0000-000000000000', 'a', 7]
    const wrong = [...uuids.map(value => ({ code: dataTypes.uuid, value })), { code: dataTypes.varchar, value: 7 }]
    for (const column of wrong) expect(await outcome(ours, [column])).toEqual(await outcome(drivers, [column]))
    expect(await outcome(ours, wrong.slice(0, 1))).toBe('You must provide a buffer containing 16 bytes')
  })
})
