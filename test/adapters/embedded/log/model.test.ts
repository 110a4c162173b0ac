import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openEmbeddedLog } from '../../../../src/adapters/embedded/log/log.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'
import type { Log, NewRecord, Producer, Subscription } from '../../../../src/ports/log.ts'
import { createTopic, nextOf, temporaryLogPath } from './support.ts'

const partitions = 3
const partition = fc.nat(partitions - 1)
const limits = fc.record({ maxRecords: fc.integer({ min: 1, max: 7 }), maxBytes: fc.integer({ min: 1, max: 60 }) })

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      to: fc.array(partition, { minLength: 1, maxLength: 12 }),
      commit: fc.option(fc.record({ partition, next: fc.nat(50) })),
      tooLarge: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('next' as const), limits }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('seek' as const), partition, share: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('commit' as const), partition, next: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), partition, share: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), partition, share: fc.nat(100), limits }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
)

/** What a log is, in the simplest words: lists of values, and where each reader stands. */
interface Model {
  readonly values: string[][]
  readonly start: number[]
  readonly committed: (number | null)[]
  position: number[]
}

/** A log with one producer and one subscription that has every partition. */
class Session {
  readonly log: Log
  readonly producer: Producer
  readonly subscription: Subscription
  readonly epochs: readonly number[]

  private constructor(log: Log, producer: Producer, subscription: Subscription, epochs: readonly number[]) {
    this.log = log
    this.producer = producer
    this.subscription = subscription
    this.epochs = epochs
  }

  static async open(path: string, model: Model): Promise<Session> {
    const log = openEmbeddedLog({ path, clock: systemClock })
    if ((await log.admin.topic('users')) === null) await createTopic(log, { partitions, maxRecordBytes: 100 })
    const subscription = await log.subscribe({ group: 'group', topic: 'users', member: 'member' })
    const epochs: number[] = []
    for (let index = 0; index < partitions; index++) {
      const { partition, epoch, committed } = await nextOf(subscription, 'assigned')
      expect(committed?.next ?? null).toBe(model.committed[partition])
      epochs[partition] = epoch
      subscription.seek(partition, model.position[partition]!)
    }
    return new Session(log, await log.producer('producer'), subscription, epochs)
  }
}

it('any interleaving of appends, commits, reads, seeks, deletions and restarts does what a list of records would do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async steps => {
      const path = temporaryLogPath()
      const model: Model = {
        values: [[], [], []],
        start: [0, 0, 0],
        committed: [null, null, null],
        position: [0, 0, 0],
      }
      let session = await Session.open(path, model)
      try {
        for (const each of steps) {
          if (each.kind === 'reopen') {
            await session.log.close()
            session = await Session.open(path, model)
          } else await run(each, session, model)
        }
      } finally {
        await session.log.close()
        rmSync(path, { force: true })
      }
    }),
    { numRuns: 60 },
  )
})

type Step = Exclude<typeof step extends fc.Arbitrary<infer T> ? T : never, { kind: 'reopen' }>

async function run(step: Step, session: Session, model: Model): Promise<void> {
  const { log, producer, subscription, epochs } = session
  if (step.kind === 'append') {
    const records: NewRecord[] = step.to.map((partition, index) => ({
      topic: 'users',
      key: null,
      value: Buffer.from(`${partition}-${model.values[partition]!.length}-${index}`),
      partition,
    }))
    const commits =
      step.commit === null ? [] : [{ group: 'group', topic: 'users', ...step.commit, metadata: 'by the producer' }]
    if (step.tooLarge) {
      const large = { topic: 'users', key: null, value: Buffer.alloc(101), partition: 0 }
      await expect(producer.append([...records, large], commits)).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' })
      return
    }
    await producer.append(records, commits)
    for (const { partition, value } of records) model.values[partition!]!.push(String(value))
    if (step.commit !== null) model.committed[step.commit.partition] = step.commit.next
  } else if (step.kind === 'next') {
    await next(step.limits, subscription, model)
  } else if (step.kind === 'seek') {
    const offset = within(step.share, model, step.partition)
    subscription.seek(step.partition, offset)
    model.position[step.partition] = offset
  } else if (step.kind === 'commit') {
    await subscription.commit(step.partition, epochs[step.partition]!, step.next, '')
    model.committed[step.partition] = step.next
  } else if (step.kind === 'delete') {
    const before = within(step.share, model, step.partition)
    await log.admin.deleteRecords('users', step.partition, before)
    model.start[step.partition] = before
    // A reader behind the start would fail; that has its own test.
    if (model.position[step.partition]! < before) {
      subscription.seek(step.partition, before)
      model.position[step.partition] = before
    }
  } else {
    const from = within(step.share, model, step.partition)
    const records = await log.admin.read('users', step.partition, from, { ...step.limits, waitMs: 0 })
    expectRun(records, model, step.partition, from)
    expect(records.length > 0).toBe(from < model.values[step.partition]!.length)
  }
  expect(await log.admin.ranges('users')).toEqual(
    model.values.map((values, partition) => ({ partition, start: model.start[partition], end: values.length })),
  )
  const committed = await log.admin.committed('group', 'users')
  expect(committed.map(commit => [commit.partition, commit.next])).toEqual(
    model.committed.flatMap((next, partition) => (next === null ? [] : [[partition, next]])),
  )
}

async function next(
  limits: { maxRecords: number; maxBytes: number },
  subscription: Subscription,
  model: Model,
): Promise<void> {
  const waiting = model.position.some((position, partition) => position < model.values[partition]!.length)
  const event = await subscription.next({ ...limits, waitMs: 0 })
  expect(event.kind).toBe(waiting ? 'batch' : 'idle')
  if (event.kind !== 'batch') return
  const { partition, records, end } = event
  expect(records.length).toBeGreaterThan(0)
  expect(records.length).toBeLessThanOrEqual(limits.maxRecords)
  expect(end).toBe(model.values[partition]!.length)
  expectRun(records, model, partition, model.position[partition]!)
  model.position[partition] = model.position[partition]! + records.length
}

function expectRun(
  records: readonly { offset: number; value: Uint8Array | null }[],
  model: Model,
  partition: number,
  from: number,
): void {
  expect(records.map(record => record.offset)).toEqual(records.map((_, index) => from + index))
  const values = records.map(record => Buffer.from(record.value!).toString())
  expect(values).toEqual(model.values[partition]!.slice(from, from + records.length))
}

/** An offset between a partition's start and its end. */
function within(share: number, model: Model, partition: number): number {
  const start = model.start[partition]!
  return start + Math.floor(((model.values[partition]!.length - start) * share) / 100)
}
