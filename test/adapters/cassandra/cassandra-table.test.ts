import cassandra from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { CassandraTable } from '../../../src/adapters/cassandra/cassandra-table.ts'
import { CheckpointStore } from '../../../src/adapters/cassandra/checkpoints.ts'
import type { Connection } from '../../../src/adapters/cassandra/connection.ts'
import { EncodedValues } from '../../../src/adapters/cassandra/encoded-values.ts'
import { InFlight } from '../../../src/adapters/cassandra/in-flight.ts'
import { seededRandom } from '../../../src/adapters/system/seeded-random.ts'
import type { TablePlan } from '../../../src/plan/plan.ts'
import { type Row, RowsRejected } from '../../../src/ports/table.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'

const plan: TablePlan = {
  keyspace: 'k',
  name: 't',
  columns: [{ name: 'id', type: { kind: 'int' }, nullable: false }],
  primaryKey: ['id'],
  appendOnly: false,
}

const { ResponseError, NoHostAvailableError } = cassandra.errors
const codes = cassandra.types.responseErrorCodes
const timeout = () => new ResponseError(codes.writeTimeout, 'slow')
const checkpoint = { topic: 't', partition: 0, epoch: 1, next: 1, version: 1 }

/** A cluster of the test's own; it is told of each request for rows by their ids, and of checkpoints as `checkpoint`. */
function openTable(answer: (request: readonly number[] | 'checkpoint') => Promise<void>, requests = 16) {
  const execute = async (_: string, values: EncodedValues | readonly unknown[]) => {
    await answer(values instanceof EncodedValues ? idsIn(values) : 'checkpoint')
    return { rows: [] }
  }
  const client = { hosts: undefined, getReplicas: () => null, execute }
  const settings = { maxRowBytes: 1000, tries: 3, localDataCenter: 'dc1' }
  const connection = { client, driver: cassandra, settings, execute } as unknown as Connection
  const clock = virtualClock({ auto: true })
  const table = new CassandraTable({
    ...{ connection, plan, clock, random: seededRandom('table') },
    inFlight: new InFlight({ requests, bytes: 1_000_000 }),
    partitionColumns: 1,
    checkpoints: new CheckpointStore(connection, 'k', 't', 'users/sink'),
    closed: new AbortController().signal,
  })
  return { table, clock }
}

/** Of rows of an id in 4 bytes and a version in 8, each after its length. */
function idsIn({ count, pieces }: EncodedValues): number[] {
  const bytes = Buffer.concat(pieces)
  return Array.from({ length: count / 2 }, (_, row) => bytes.readInt32BE(row * 20 + 4))
}

function rows(count: number): Row[] {
  return Array.from({ length: count }, (_, id) => ({ values: [id], version: id + 1 }))
}

describe('a write to Cassandra', () => {
  it('stores its checkpoint only once all rows are durable', async () => {
    const steps: string[] = []
    const { table } = openTable(async request => {
      await new Promise(resolve => setImmediate(resolve))
      steps.push(request === 'checkpoint' ? 'checkpoint' : `${request.length} rows`)
    })
    await table.write(rows(37), checkpoint)
    expect(steps.toSorted()).toEqual(['1 rows', '32 rows', '4 rows', 'checkpoint'])
    expect(steps.at(-1)).toBe('checkpoint')
  })

  it('is sent again when its outcome is unknown, with growing pauses', async () => {
    let failures = 2
    const { table, clock } = openTable(async () => {
      if (failures-- > 0) throw timeout()
    })
    await table.write(rows(1), checkpoint)
    expect(clock.waits).toHaveLength(2)
    expect(clock.waits[0]).toBeLessThanOrEqual(100)
    expect(clock.waits[1]).toBeGreaterThanOrEqual(100)
  })

  it('fails with an unknown outcome once the tries are over, and stores no checkpoint', async () => {
    const seen: unknown[] = []
    const { table } = openTable(async request => {
      seen.push(request)
      throw timeout()
    })
    const failing = table.write(rows(1), checkpoint)
    await expect(failing).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT', retry: 'later', outcome: 'unknown' })
    expect(seen).toEqual([[0], [0], [0]])
  })

  it('gives up what still waits once a request has failed: at most as many go as were on their way', async () => {
    let sent = 0
    const { table, clock } = openTable(async () => {
      sent += 1
      throw new NoHostAvailableError({ '127.0.0.1:9042': 'Host considered as DOWN' })
    }, 4)
    await expect(table.write(rows(320), checkpoint)).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
    // Of ten requests, with two on their way.
    expect(sent).toBeLessThanOrEqual(4)
    expect(clock.waits).toEqual([])
  })

  it('is sent in halves where Cassandra refuses it for its size, down to the rows that can never be stored', async () => {
    const stored: number[] = []
    const { table } = openTable(async request => {
      if (request === 'checkpoint') return
      if (request.includes(5) || request.includes(40)) {
        throw new ResponseError(codes.invalid, request.length === 1 ? 'Mutation is too large' : 'Batch too large')
      }
      stored.push(...request)
    })
    const error = await table.write(rows(64), checkpoint).catch(thrown => thrown)
    expect(error).toBeInstanceOf(RowsRejected)
    expect((error as RowsRejected).rows.map(({ index }) => index)).toEqual([5, 40])
    expect(stored).toHaveLength(62)
  })

  it('is refused once the table is closed', async () => {
    const { table } = openTable(async () => {})
    await table.close()
    await expect(table.write([])).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' })
  })
})
