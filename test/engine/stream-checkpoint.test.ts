import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { isBehind, untilCaughtUp } from '../../src/engine/stage-position.ts'
import { pipeline, t, table, topic } from '../../src/index.ts'
import type { Batch, Log, NextOptions, Producer, SubscribeOptions } from '../../src/ports/log.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { Harness, overriding, type Ports, withoutCheckpoint } from './harness.ts'

const reading = t.record('Reading', { id: t.text(), value: t.int() })
const readings = topic('readings', { key: 'id', value: reading, partitions: 1 })
const plant = pipeline('plant').stream('keep', {
  from: readings,
  into: table('plant.latest', { row: reading, primaryKey: ['id'] }),
})
const group = 'plant.keep'

const valuesOf = async (harness: Harness, ...values: number[]) =>
  Promise.all(values.map(async value => ({ key: 'a', value: await harness.encode({ id: 'a', value }) })))
const committedOf = async (harness: Harness) =>
  (await harness.ports.log.admin.committed(group, 'readings')).map(({ next }) => next)

/** A log whose topic ends with an offset that is no record, as Kafka's do after a transaction. */
function withMarker(log: Log): Log {
  const subscribe = async (options: SubscribeOptions) => {
    const subscription = await log.subscribe(options)
    let marker: Batch | null = null
    const next = async (options: NextOptions) => {
      if (marker !== null) {
        const event = marker
        marker = null
        return event
      }
      const event = await subscription.next(options)
      if (event.kind !== 'batch') return event
      const end = event.end + 1
      if (event.next === event.end) marker = { ...event, records: [], next: end, end }
      return { ...event, end }
    }
    return overriding(subscription, { next })
  }
  return overriding(log, { subscribe })
}

/** A log whose appends come when the partitions of their commits have gone to another member. */
function withLostPartitions(log: Log): Log {
  const producer = async (id: string) => {
    const opened = await log.producer(id)
    const append: Producer['append'] = (records, commits = []) =>
      opened.append(
        records,
        commits.map(commit => ({ ...commit, ...(commit.epoch !== undefined && { epoch: commit.epoch - 1 }) })),
      )
    return overriding(opened, { append })
  }
  return overriding(log, { producer })
}

describe('a stage that loses a partition before its dead letters are appended', () => {
  it.each([
    ['a table with its own checkpoint', (ports: Ports) => ports],
    ['a table without one', (ports: Ports) => withoutCheckpoint(ports)],
  ])('leaves them to the next owner, on %s (G5, G7)', async (_, toPorts) => {
    const harness = await Harness.open(plant)
    await harness.produce([...(await valuesOf(harness, 1)), { key: 'a', value: Buffer.from('not Avro') }])
    await harness.runStream({ ports: toPorts({ ...harness.ports, log: withLostPartitions(harness.ports.log) }) })
    expect(await harness.deadLetters()).toEqual([])
    expect((await committedOf(harness)).filter(next => next > 0)).toEqual([])
    expect(harness.progress).toEqual([])
    await harness.runStream({ ports: toPorts(harness.ports) })
    expect(await harness.deadLetters()).toHaveLength(1)
    expect(await committedOf(harness)).toEqual([2])
  })
})

describe('a stage that has read every record', () => {
  it.each([
    ['a table with its own checkpoint', (ports: Ports) => ports],
    ['a table without one', (ports: Ports) => withoutCheckpoint(ports)],
  ])('stands at the end of the topic, also if what is there is no record, on %s', async (_, toPorts) => {
    const harness = await Harness.open(plant)
    await harness.produce(await valuesOf(harness, 1, 2))
    await harness.runStream({ ports: toPorts({ ...harness.ports, log: withMarker(harness.ports.log) }) })
    expect(await harness.rows()).toEqual([{ id: 'a', value: 2 }])
    expect(harness.progress.at(-1)?.partitions.at(-1)).toEqual({ partition: 0, committed: 3, end: 3 })
    expect(await committedOf(harness)).toEqual([3])
    const checkpoints = await harness.ports.tables.admin.checkpoints(harness.table, 'plant/keep')
    expect(checkpoints.map(({ next }) => next)).toEqual([3])
  })
})

describe('a table that keeps its own checkpoint', () => {
  it('has what it holds committed to the log too, so that lag and other tools are right', async () => {
    const harness = await Harness.open(plant)
    await harness.produce(await valuesOf(harness, 1, 2, 3))
    await harness.runStream()
    expect(await committedOf(harness)).toEqual([3])
  })

  it('has it moved past a dead letter too: the next start reads nothing again', async () => {
    const harness = await Harness.open(plant)
    await harness.produce([...(await valuesOf(harness, 1)), { key: 'a', value: Buffer.from('not Avro') }])
    await harness.runStream()
    const checkpoints = await harness.ports.tables.admin.checkpoints(harness.table, 'plant/keep')
    expect(checkpoints.map(({ next }) => next)).toEqual([2])
    const batches = harness.progress.length
    await harness.runStream()
    expect(harness.progress.length).toBe(batches)
  })
})

describe('a table that keeps no checkpoint', () => {
  it('is gone on with from the log’s commit, which never comes before the rows (G3)', async () => {
    const harness = await Harness.open(plant)
    await harness.produce(await valuesOf(harness, 1, 2, 3))
    // Where a stage begins may be committed before it has read anything.
    const ports = withoutCheckpoint(harness.ports, async () =>
      expect((await committedOf(harness)).filter(next => next > 0)).toEqual([]),
    )
    await harness.runStream({ ports })
    expect(await committedOf(harness)).toEqual([3])
    const batches = harness.progress.length
    await harness.runStream({ ports: withoutCheckpoint(harness.ports) })
    expect(harness.progress.length).toBe(batches)
  })

  it('still gets the newest record last when a start falls between records of one moment (G2)', async () => {
    const harness = await Harness.open(plant)
    await harness.produce(await valuesOf(harness, 1, 2, 3, 4, 5))
    const ports = withoutCheckpoint(harness.ports)
    // All five have one append time, so only the version kept with the commit says what came before the last.
    const limits = { batchRecords: 4 }
    const drain = new AbortController()
    const first = overriding(ports, {
      tables: overriding(ports.tables, {
        open: async (plan, stage) => {
          const opened = await ports.tables.open(plan, stage)
          return overriding(opened, {
            write: async (rows, ...checkpoints) => {
              drain.abort()
              await opened.write(rows, ...checkpoints)
            },
          })
        },
      }),
    })
    await harness.runStream({ ports: first, limits, untilIdle: false, drain: drain.signal })
    expect(await harness.rows()).toEqual([{ id: 'a', value: 4 }])
    await harness.runStream({ ports, limits })
    expect(await harness.rows()).toEqual([{ id: 'a', value: 5 }])
  })

  it.each(['', '{', '{}', 'null', '{"version":"new"}'])(
    'is gone on with from the commit of another tool, whatever it noted there: %s',
    async metadata => {
      const harness = await Harness.open(plant)
      await harness.produce(await valuesOf(harness, 1, 2, 3))
      await harness.ports.log.admin.resetOffsets([{ group, topic: 'readings', partition: 0, next: 2, metadata }])
      await harness.runStream({ ports: withoutCheckpoint(harness.ports) })
      expect(harness.progress.map(each => each.recordsIn)).toEqual([1])
      expect(await harness.rows()).toEqual([{ id: 'a', value: 3 }])
    },
  )

  it('has a dead letter and the commit past it in one append (G5)', async () => {
    const harness = await Harness.open(plant)
    await harness.produce([...(await valuesOf(harness, 1)), { key: 'a', value: Buffer.from('not Avro') }])
    await harness.runStream({ ports: withoutCheckpoint(harness.ports) })
    expect(await committedOf(harness)).toEqual([2])
    await harness.runStream({ ports: withoutCheckpoint(harness.ports) })
    expect(await harness.deadLetters()).toHaveLength(1)
    expect(await harness.rows()).toEqual([{ id: 'a', value: 1 }])
  })
})

describe('a stage whose group was set back by hand', () => {
  const setBack = async ({ ports }: Harness) =>
    ports.log.admin.resetOffsets([{ group, topic: 'readings', partition: 0, next: 1, metadata: '' }])

  it('is behind, and reads again, where the log’s commit says where it goes on', async () => {
    const harness = await Harness.open(plant)
    const ports = withoutCheckpoint(harness.ports)
    await harness.produce(await valuesOf(harness, 1, 2, 3))
    expect(await isBehind(harness.stream, harness.table, ports)).toBe(true)
    await harness.runStream({ ports })
    expect(await isBehind(harness.stream, harness.table, ports)).toBe(false)
    await setBack(harness)
    expect(await isBehind(harness.stream, harness.table, ports)).toBe(true)
    await harness.runStream({ ports })
    expect(harness.progress.map(each => each.recordsIn)).toEqual([3, 2])
    expect(await isBehind(harness.stream, harness.table, ports)).toBe(false)
  })

  it('is not behind, and reads nothing, where the table’s checkpoint does', async () => {
    const harness = await Harness.open(plant)
    await harness.produce(await valuesOf(harness, 1, 2, 3))
    await harness.runStream()
    await setBack(harness)
    expect(await isBehind(harness.stream, harness.table, harness.ports)).toBe(false)
    await harness.runStream()
    expect(harness.progress.map(each => each.recordsIn)).toEqual([3])
  })

  it('is looked at again where the log did not answer', async () => {
    const harness = await Harness.open(plant)
    await harness.produce(await valuesOf(harness, 1, 2, 3))
    await harness.runStream()
    let failures = 0
    const admin = overriding(harness.ports.log.admin, {
      ranges: async topic => {
        if (failures++ < 2) throw new MillraceError('LOG_FAILED', 'It is away.')
        return harness.ports.log.admin.ranges(topic)
      },
    })
    const ports = { ...harness.ports, log: overriding(harness.ports.log, { admin }) }
    const { signal } = new AbortController()
    await untilCaughtUp(harness.stream, harness.table, ports, {
      clock: systemClock,
      random: seededRandom('looks'),
      signal,
    })
    expect(failures).toBe(3)
  })
})
