import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { http, pipeline, t, table, topic } from '../../src/index.ts'
import { type Checkpoint, type Row, RowsRejected, type Table } from '../../src/ports/table.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import { Harness, overriding, type Ports } from './harness.ts'

const reading = t.record('Reading', { id: t.text(), value: t.int(), note: t.optional(t.text()) })
const readings = topic('readings', { key: 'id', value: reading, partitions: 2 })
const latest = table('plant.latest', { row: reading, primaryKey: ['id'] })
const source = http({ url: 'http://localhost/', schema: reading })

const plant = pipeline('plant')
  .ingest('collect', { schedule: null, from: source, into: readings })
  .stream('keep', { from: readings, into: latest })

const row = (id: string, value: number, note: string | null = null) => ({ id, value, note })

describe('a stream stage', () => {
  it('makes each row the last record of its key, and an explicit null replaces a value (G2)', async () => {
    const harness = await Harness.open(plant)
    const records = [row('a', 1, 'first'), row('b', 2, 'only'), row('a', 3, null)]
    await harness.produce(
      await Promise.all(records.map(async each => ({ key: each.id, value: await harness.encode(each) }))),
    )
    await harness.runStream()
    expect(new Set(await harness.rows())).toEqual(new Set([row('a', 3, null), row('b', 2, 'only')]))
  })

  it('deletes the row of a record without a value, and a later record brings it back', async () => {
    const harness = await Harness.open(plant)
    const value = await harness.encode(row('a', 1))
    await harness.produce([
      { key: 'a', value },
      { key: 'b', value: await harness.encode(row('b', 1)) },
      { key: 'a', value: null },
    ])
    await harness.runStream()
    expect(await harness.rows()).toEqual([row('b', 1)])
    await harness.produce([{ key: 'a', value }])
    await harness.runStream()
    expect(await harness.rows()).toHaveLength(2)
  })

  it('goes on after its checkpoint: a second start reads nothing again', async () => {
    const harness = await Harness.open(plant)
    await harness.produce([{ key: 'a', value: await harness.encode(row('a', 1)) }])
    await harness.runStream()
    const before = harness.progress.length
    await harness.runStream()
    expect(harness.progress.length).toBe(before)
  })

  it('keeps an undecodable record as one dead letter with bytes, coordinates and reason, and goes on (G5)', async () => {
    const harness = await Harness.open(plant)
    const bytes = Buffer.from('not Avro')
    await harness.produce([
      { key: 'a', value: bytes },
      { key: 'a', value: await harness.encode(row('a', 7)) },
    ])
    await harness.runStream()
    await harness.runStream()
    expect(await harness.rows()).toEqual([row('a', 7)])
    const [letter, ...more] = await harness.deadLetters()
    expect(more).toEqual([])
    expect(letter).toMatchObject({
      id: expect.stringMatching(/^plant\/keep\|readings\|[01]\|0$/),
      stage: 'plant/keep',
      code: 'RECORD_UNDECODABLE',
      origin: { kind: 'topic', topic: 'readings', offset: 0 },
    })
    expect(Buffer.from(letter!.value!)).toEqual(bytes)
    expect(Buffer.from(letter!.key!).toString()).toBe('a')
  })

  it('replaces the producer of its dead letters when the log has given it up in an outage', async () => {
    const harness = await Harness.open(plant)
    await harness.produce([{ key: 'a', value: Buffer.from('not Avro') }])
    const opened: string[] = []
    const log = overriding(harness.ports.log, {
      producer: async id => {
        opened.push(id)
        const producer = await harness.ports.log.producer(id)
        if (opened.length > 1) return producer
        const append = async () => {
          throw new MillraceError('PRODUCER_FENCED', 'A newer producer has taken over.')
        }
        return overriding(producer, { append })
      },
    })
    await harness.runStream({ ports: { ...harness.ports, log } })
    expect(opened).toEqual(['plant.keep.dead-letters.test', 'plant.keep.dead-letters.test'])
    expect(await harness.deadLetters()).toHaveLength(1)
  })

  it('keeps a bad record whose key and headers are as large as a topic takes', async () => {
    const harness = await Harness.open(plant)
    const key = 'k'.repeat(900_000)
    const headers = Object.fromEntries(Array.from({ length: 7_000 }, (_, i) => [`h${i}`, Buffer.alloc(15)]))
    await harness.produce([{ key, value: Buffer.from('not Avro'), headers }])
    await harness.produce([{ key: 'a', value: await harness.encode(row('a', 1)) }])
    await harness.runStream()
    const [letter, ...others] = await harness.deadLetters()
    expect(others).toEqual([])
    expect(Buffer.from(letter!.key!).toString() === key).toBe(true)
    expect(Object.keys(letter!.headers!)).toHaveLength(7_000)
    expect(await harness.rows()).toEqual([row('a', 1)])
  })

  it.each(['soon', '-1', '1e3', '9007199254740991', '99999999999999999999'])(
    'takes no version from a header that another program wrote: %s',
    async text => {
      const harness = await Harness.open(plant)
      const headers = { 'millrace.replay-version': Buffer.from(text) }
      await harness.produce([{ key: 'a', value: await harness.encode(row('a', 1)), headers }])
      await harness.produce([{ key: 'a', value: await harness.encode(row('a', 2)) }])
      await harness.runStream()
      expect(await harness.rows()).toEqual([row('a', 2)])
      expect(await harness.deadLetters()).toEqual([])
    },
  )

  it('counts headers into the size of a batch (G6)', async () => {
    const harness = await Harness.open(plant)
    const value = await harness.encode(row('a', 1))
    const headers = { large: Buffer.alloc(50_000) }
    await harness.produce(Array.from({ length: 20 }, () => ({ key: 'a', value, headers })))
    await harness.runStream({ limits: { batchBytes: 100_000 } })
    expect(Math.max(...harness.progress.map(each => each.recordsIn))).toBeLessThanOrEqual(2)
  })

  it('dead-letters rows the table can never store, and stores the others of the batch', async () => {
    const harness = await Harness.open(plant)
    const records = [row('a', 1), row('bad', 2), row('c', 3)]
    await harness.produce(
      await Promise.all(records.map(async each => ({ key: each.id, value: await harness.encode(each) }))),
    )
    await harness.runStream({ ports: rejecting(harness.ports, id => id === 'bad') })
    expect((await harness.rows()).map(({ id }) => id).sort()).toEqual(['a', 'c'])
    expect((await harness.deadLetters()).map(({ code }) => code)).toEqual(['RECORD_REJECTED'])
  })

  it('writes the partitions it still has when another of them has a newer owner (G7)', async () => {
    const harness = await Harness.open(plant)
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    await harness.produce(
      await Promise.all(ids.map(async id => ({ key: id, value: await harness.encode(row(id, 1)) }))),
    )
    let stolen = false
    const ports = onWrite(harness.ports, async (rows, checkpoints, write) => {
      if (!stolen) {
        const successor = await harness.ports.tables.open(harness.table, 'plant/keep')
        await successor.claim('readings', 1, 1_000)
        await successor.close()
      }
      stolen = true
      await write(rows, ...checkpoints)
    })
    await harness.runStream({ ports })
    const all = await harness.records()
    const kept = (await harness.ports.log.admin.read('readings', 0, 0, { maxRecords: 10, maxBytes: 1e6, waitMs: 0 }))
      .length
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThan(all.length)
    expect(await harness.rows()).toHaveLength(kept)
  })

  it('pauses while the table cannot take rows, says why, and goes on by itself', async () => {
    const harness = await Harness.open(plant)
    await harness.produce([{ key: 'a', value: await harness.encode(row('a', 1)) }])
    const states: string[] = []
    let failures = 3
    const ports = onWrite(harness.ports, async (rows, checkpoints, write) => {
      if (failures-- > 0) throw new MillraceError('STORAGE_FULL', 'The disk is full.')
      await write(rows, ...checkpoints)
    })
    await harness.runStream({ ports, onState: (state, error) => states.push(`${state} ${error?.code ?? ''}`.trim()) })
    expect(await harness.rows()).toHaveLength(1)
    expect(states).toEqual([
      ...[
        'starting',
        'running',
        'paused STORAGE_FULL',
        'paused STORAGE_FULL',
        'paused STORAGE_FULL',
        'running',
        'draining',
      ],
    ])
    expect(harness.log).toEqual(['Waiting: The disk is full.', 'Going on.'])
  })

  it('fails at once with an error that waiting cannot mend', async () => {
    const harness = await Harness.open(plant)
    await harness.produce([{ key: 'a', value: await harness.encode(row('a', 1)) }])
    const ports = onWrite(harness.ports, async () => {
      throw new MillraceError('STATE_CORRUPT', 'The file is damaged.')
    })
    await expect(harness.runStream({ ports })).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  })

  it('refuses to go on from a log that is not the one its table was filled from', async () => {
    const harness = await Harness.open(plant)
    await harness.produce([{ key: 'a', value: await harness.encode(row('a', 1)) }])
    await harness.runStream()
    const other = await Harness.open(plant)
    const ports = { ...other.ports, tables: harness.ports.tables }
    await expect(other.runStream({ ports })).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  })

  it('takes no more than its limits at a time, whatever the lag (G6)', async () => {
    const harness = await Harness.open(plant)
    const value = await harness.encode(row('a', 1, 'x'.repeat(100)))
    await harness.produce(Array.from({ length: 500 }, (_, i) => ({ key: `k${i}`, value })))
    await harness.runStream({ limits: { batchRecords: 20, batchBytes: 1_000 } })
    expect(harness.progress.reduce((sum, each) => sum + each.recordsIn, 0)).toBe(500)
    expect(Math.max(...harness.progress.map(each => each.recordsIn))).toBeLessThanOrEqual(20)
    expect(Math.max(...harness.progress.map(each => each.bytesIn))).toBeLessThanOrEqual(1_000 + value.length + 10)
  })

  it('loses and repeats nothing wherever it is stopped (G1, G2, G3, G5)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRecord, { minLength: 1, maxLength: 30 }),
        fc.array(fc.nat(6), { maxLength: 8 }),
        async (records, stops) => {
          const harness = await Harness.open(plant)
          const stored = await Promise.all(
            records.map(async ({ key, what }) => ({ key, value: await bytesOf(harness, key, what) })),
          )
          await harness.produce(stored, true)
          const limits = { batchRecords: 4 }
          const ports = rejecting(harness.ports, (_, value) => value === rejectedValue)
          for (const stop of stops) {
            await harness.runStream({ ports: stoppingAfter(ports, stop), limits }).catch(error => {
              if (!(error instanceof Stopped)) throw error
            })
            await expectPrefix(harness, records)
          }
          await harness.runStream({ ports, limits })
          expect(sortById(await harness.rows())).toEqual(sortById(expectedRows(records)))
          const letters = await harness.deadLetters()
          expect(letters.length).toBe(new Set(letters.map(({ id }) => id)).size)
          expect(letters.length).toBe(records.filter(({ what }) => what === 'garbage' || what === rejectedValue).length)
        },
      ),
      {
        numRuns: 40,
        // Stopped between dead letters and checkpoint, and then read in other portions.
        examples: [[mixed('garbage', 0, 0, 0, 0, 'garbage', 'garbage', rejectedValue, 'garbage'), [4]]],
      },
    )
  })
})

const rejectedValue = -1
const anyRecord = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  what: fc.oneof(fc.nat(1000), fc.constantFrom('garbage' as const, 'delete' as const, rejectedValue)),
})
type AnyRecord = typeof anyRecord extends fc.Arbitrary<infer T> ? T : never

/** The first and the last but one of another partition than the others. */
function mixed(...whats: readonly AnyRecord['what'][]): AnyRecord[] {
  return whats.map((what, index) => ({ key: index === 0 || index === whats.length - 2 ? 'd' : 'a', what }))
}

async function bytesOf(harness: Harness, key: string, what: AnyRecord['what']): Promise<Buffer | null> {
  if (what === 'delete') return null
  return what === 'garbage' ? Buffer.from([0, 9, 9]) : harness.encode(row(key, what))
}

function expectedRows(records: readonly AnyRecord[]) {
  const rows = new Map<string, ReturnType<typeof row>>()
  for (const { key, what } of records) {
    if (what === 'delete') rows.delete(key)
    else if (what !== 'garbage' && what !== rejectedValue) rows.set(key, row(key, what))
  }
  return [...rows.values()]
}

const sortById = <T extends { readonly id?: unknown }>(rows: readonly T[]) =>
  [...rows].sort((a, b) => String(a.id).localeCompare(String(b.id)))

/** Whatever the checkpoint says is done must be done: rows are those of the records before it, or later ones. */
async function expectPrefix(harness: Harness, records: readonly AnyRecord[]): Promise<void> {
  const checkpoints = await harness.ports.tables.admin.checkpoints(harness.table, 'plant/keep')
  const done = new Set<string>()
  for (const { partition, next } of checkpoints) {
    for (let offset = 0; offset < next; offset++) done.add(`${partition}@${offset}`)
  }
  const letters = new Set((await harness.deadLetters()).map(({ id }) => id))
  const options = { maxRecords: 1_000, maxBytes: 1 << 20, waitMs: 0 }
  for (const { partition } of await harness.ports.log.admin.ranges('readings')) {
    for (const record of await harness.ports.log.admin.read('readings', partition, 0, options)) {
      const bad = record.value !== null && record.value.length === 3
      if (bad && done.has(`${partition}@${record.offset}`)) {
        expect(letters).toContain(`plant/keep|readings|${partition}|${record.offset}`)
      }
    }
  }
  expect(done.size).toBeLessThanOrEqual(records.length)
}

class Stopped extends Error {}

/** Ports that vanish before or after their nth effect, as a killed process would leave them. */
function stoppingAfter(ports: Ports, effects: number): Ports {
  let left = effects
  const effect = async <T>(work: () => Promise<T>): Promise<T> => {
    if (left <= 0) throw new Stopped()
    left -= 1
    const result = await work()
    if (left <= 0 && effects % 2 === 1) throw new Stopped()
    return result
  }
  return {
    ...onWrite(ports, (rows, checkpoints, write) => effect(() => write(rows, ...checkpoints))),
    log: overriding(ports.log, {
      producer: async id => {
        const producer = await ports.log.producer(id)
        return overriding(producer, { append: (records, commits) => effect(() => producer.append(records, commits)) })
      },
    }),
  }
}

type Write = Table['write']

function onWrite(
  ports: Ports,
  write: (rows: readonly Row[], checkpoints: readonly Checkpoint[], write: Write) => Promise<void>,
): Ports {
  const tables = overriding(ports.tables, {
    open: async (plan, stage) => {
      const opened = await ports.tables.open(plan, stage)
      return overriding(opened, {
        write: (rows, ...checkpoints) => write(rows, checkpoints, opened.write.bind(opened)),
      })
    },
  })
  return { ...ports, tables }
}

/** A table that refuses some rows for good. */
function rejecting(ports: Ports, refuses: (id: unknown, value: unknown) => boolean): Ports {
  return onWrite(ports, async (rows, checkpoints, write) => {
    const error = new MillraceError('RECORD_REJECTED', 'The table refuses this row.')
    const refused = rows.flatMap(({ values, deleted }, index) =>
      !deleted && refuses(values[0], values[1]) ? [{ index, error }] : [],
    )
    if (refused.length > 0) throw new RowsRejected(refused)
    await write(rows, ...checkpoints)
  })
}
