import { describe, expect, it, vi } from 'vitest'
import { pipeline, t, table, topic } from '../../src/index.ts'
import type { Log, SubscribeOptions } from '../../src/ports/log.ts'
import type { Row } from '../../src/ports/table.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import { Harness, overriding, type Ports, withoutCheckpoint } from './harness.ts'

const reading = t.record('Reading', { id: t.text(), value: t.int() })
const plant = pipeline('plant').stream('keep', {
  from: topic('readings', { key: 'id', value: reading, partitions: 1 }),
  into: table('plant.latest', { row: reading, primaryKey: ['id'] }),
})

/** One record a write. */
const apart = { overlappingRecords: 1, settleIntervalMs: 0 }

const produce = async (harness: Harness, ...values: readonly (number | 'garbage')[]) =>
  harness.produce(
    await Promise.all(
      values.map(async value => ({
        key: 'a',
        value: value === 'garbage' ? Buffer.from([0, 9, 9]) : await harness.encode({ id: `k${value}`, value }),
      })),
    ),
  )
const committed = async ({ ports, stream }: Harness) =>
  (await ports.log.admin.committed(stream.group, 'readings'))[0]?.next ?? 0
const valueIn = (rows: readonly Row[]) => rows[0]?.values[1] as number

/** A log that notes what is made durable in it, in order. */
function noting(log: Log, steps: string[]): Log {
  return overriding(log, {
    producer: async id => {
      const producer = await log.producer(id)
      return overriding(producer, {
        append: async (records, commits = []) => {
          const appended = await producer.append(records, commits)
          steps.push(`${records.length} dead letters`, ...commits.map(({ next }) => `commit ${next}`))
          return appended
        },
      })
    },
    subscribe: async (options: SubscribeOptions) => {
      const subscription = await log.subscribe(options)
      return overriding(subscription, {
        commit: async (partition, epoch, next, metadata) => {
          await subscription.commit(partition, epoch, next, metadata)
          steps.push(`commit ${next}`)
        },
      })
    },
  })
}

describe('writes to a table without its own checkpoint', () => {
  it('overlap, and no more of them than the limit (G6)', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, 1, 2, 3, 4, 5, 6)
    const held = Promise.withResolvers<void>()
    let underWay = 0
    let most = 0
    const ports = withoutCheckpoint(harness.ports, async rows => {
      if (rows.length === 0) return
      most = Math.max(most, ++underWay)
      if (underWay === 2) setImmediate(held.resolve)
      await held.promise
      underWay -= 1
    })
    await harness.runStream({ ports, limits: { ...apart, overlappingWrites: 2 } })
    expect(most).toBe(2)
    expect(await harness.rows()).toHaveLength(6)
  })

  it('go on beside one that takes long', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, 1, 2, 3, 4, 5)
    const others = Promise.withResolvers<void>()
    const written: number[] = []
    const ports = withoutCheckpoint(harness.ports, async rows => {
      if (rows.length === 0) return
      if (valueIn(rows) === 1) await others.promise
      written.push(valueIn(rows))
      if (written.length === 4) others.resolve()
    })
    await harness.runStream({ ports, limits: { ...apart, overlappingWrites: 2 } })
    expect(written).toEqual([2, 3, 4, 5, 1])
  })

  it.each([
    ['dead letters', { batchBytes: 8 }, 'garbage'],
    ['commits', { unsettledWrites: 3 }, 7],
  ] as const)('wait for their %s: what cannot be settled is not piled up (G6)', async (_, limits, value) => {
    const harness = await Harness.open(plant)
    await produce(harness, ...new Array(20).fill(value))
    const held = Promise.withResolvers<void>()
    let taken = 0
    const { log } = harness.ports
    const holding = overriding(log, {
      producer: async (id: string) => {
        const producer = await log.producer(id)
        return overriding(producer, { append: async (...args) => held.promise.then(() => producer.append(...args)) })
      },
      subscribe: async (options: SubscribeOptions) => {
        const subscription = await log.subscribe(options)
        return overriding(subscription, {
          next: async options => {
            const event = await subscription.next(options)
            if (event.kind === 'batch') taken += event.records.length
            return event
          },
          commit: async (...args) => held.promise.then(() => subscription.commit(...args)),
        })
      },
    })
    const running = harness.runStream({
      ports: withoutCheckpoint({ ...harness.ports, log: holding }),
      limits: { ...apart, ...limits },
    })
    await vi.waitFor(() => expect(taken).toBeGreaterThanOrEqual(3), { timeout: 20_000, interval: 5 })
    await new Promise(resolve => setTimeout(resolve, 200))
    // Those that may wait, the overlapping ones and the one that was read beside them.
    expect(taken).toBeLessThanOrEqual(7)
    held.resolve()
    await running
    expect(await committed(harness)).toBe(20)
  })

  it('are committed only with all that began before them (G3)', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, 1, 2, 3)
    const steps: string[] = []
    const second = Promise.withResolvers<void>()
    const ports = withoutCheckpoint(
      { ...harness.ports, log: noting(harness.ports.log, steps) },
      async (rows, marks) => {
        for (const { next } of marks) steps.push(`checkpoint ${next}`)
        if (rows.length === 0) return
        // The first write is through when the third is, and what would be committed too early has been by then.
        if (valueIn(rows) === 1) await second.promise
        if (valueIn(rows) === 3) setTimeout(second.resolve, 20)
        steps.push(`row ${valueIn(rows)}`)
      },
    )
    await harness.runStream({ ports, limits: apart })
    expect(steps).toEqual(['row 2', 'row 3', 'row 1', 'checkpoint 3', 'commit 3'])
  })

  it('are committed batch by batch, without waiting for more (G3)', async () => {
    const harness = await Harness.open(plant)
    const drain = new AbortController()
    const running = harness.runStream({
      ...{ ports: withoutCheckpoint(harness.ports), untilIdle: false, drain: drain.signal },
      limits: { idleMs: 60_000, commitIntervalMs: 60_000 },
    })
    for (const count of [1, 2, 3]) {
      await produce(harness, count)
      await vi.waitFor(async () => expect(await committed(harness)).toBe(count), { timeout: 20_000, interval: 5 })
    }
    drain.abort()
    await running
  })

  it('are committed together when they come faster than commits may', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, 1, 2, 3, 4, 5, 6, 7, 8)
    const steps: string[] = []
    const ports = withoutCheckpoint({ ...harness.ports, log: noting(harness.ports.log, steps) })
    await harness.runStream({ ports, limits: { overlappingRecords: 1, settleIntervalMs: 60_000 } })
    expect(steps.at(-1)).toBe('commit 8')
    expect(steps.length).toBeLessThanOrEqual(2)
  })

  it('have their dead letters durable before the checkpoint, and behind what began before (G3, G5)', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, 1, 'garbage', 3)
    const steps: string[] = []
    const ports = withoutCheckpoint(
      { ...harness.ports, log: noting(harness.ports.log, steps) },
      async (rows, marks) => {
        for (const { next } of marks) steps.push(`checkpoint ${next}`)
        if (rows.length === 0) return
        if (valueIn(rows) === 1) await new Promise(resolve => setTimeout(resolve, 20))
        steps.push(`row ${valueIn(rows)}`)
      },
    )
    await harness.runStream({ ports, limits: apart })
    expect(steps).toEqual(['row 3', 'row 1', '1 dead letters', 'commit 3', 'checkpoint 3'])
    expect(await harness.deadLetters()).toHaveLength(1)
  })

  it('that fail for good end the stage though it waits for records', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, 1)
    const ports = withoutCheckpoint(harness.ports, async () => {
      throw new MillraceError('STATE_CORRUPT', 'The file is damaged.')
    })
    const running = harness.runStream({ ports, untilIdle: false, limits: { idleMs: 60_000 } })
    await expect(running).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
    expect(await committed(harness)).toBe(0)
  })

  it('are not tried again once another has ended the stage', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, 1, 2)
    const tried: number[] = []
    const bothBegun = Promise.withResolvers<void>()
    const ports = withoutCheckpoint(harness.ports, async rows => {
      tried.push(valueIn(rows))
      if (tried.length === 2) bothBegun.resolve()
      await bothBegun.promise
      if (valueIn(rows) === 2) throw new MillraceError('STORAGE_FULL', 'The disk is full.')
      throw new MillraceError('STATE_CORRUPT', 'The file is damaged.')
    })
    const limits = { ...apart, backoff: { firstMs: 50, maxMs: 50 } }
    await expect(harness.runStream({ ports, limits })).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
    expect(tried).toEqual([1, 2])
  })

  it('pause the stage once and let it go on once, however many of them wait', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, 1, 2, 3)
    const failing = new Set([1, 2, 3])
    const ports: Ports = withoutCheckpoint(harness.ports, async rows => {
      if (rows.length > 0 && failing.delete(valueIn(rows))) throw new MillraceError('STORAGE_FULL', 'The disk is full.')
    })
    await harness.runStream({ ports, limits: { ...apart, backoff: { firstMs: 20, maxMs: 20 } } })
    expect(harness.log).toEqual(['Waiting: The disk is full.', 'Going on.'])
    expect(await harness.rows()).toHaveLength(3)
  })
})
