import { deepEqual, equal, ok } from 'node:assert/strict'
import type { ConformanceCase } from '../conformance.ts'
import { appendMany, keys, type Rule, sortedRows, Watcher } from './processor-test.ts'

/** Records through a stage: each once, wherever it is interrupted. */
export const processing = (rule: Rule): readonly ConformanceCase[] => [
  rule('writes what was in the topic before the first start, and what comes after it', async fixture => {
    const { processor, stages } = fixture
    const watcher = new Watcher(fixture, stages[0])
    await fixture.append(stages[0], keys(0, 20))
    await processor.start(stages[0])
    await watcher.read(20)
    await fixture.append(stages[0], keys(20, 30))
    await watcher.read(30)
    deepEqual(await sortedRows(fixture, stages[0]), keys(0, 30))
    deepEqual(await fixture.rows(stages[1]), [])
  }),

  rule('tells of every batch in one shape, and the newest in the status', async fixture => {
    const { processor, stages } = fixture
    const watcher = new Watcher(fixture, stages[0])
    const startedAt = Date.now()
    await processor.start(stages[0])
    await fixture.append(stages[0], [...keys(0, 5), null, ...keys(5, 10)])
    await watcher.read(11)
    for (const progress of watcher.progress) {
      equal(progress.stage, stages[0])
      ok(progress.at >= startedAt - 1_000 && progress.at <= Date.now() + 1_000)
      equal(progress.recordsIn, progress.recordsOut + progress.deadLetters + progress.filtered)
      ok(progress.recordsIn > 0)
      ok(fixture.runs === 'here' ? progress.bytesIn > 0 : progress.bytesIn === 0)
      deepEqual(Object.keys(progress.ms).sort(), ['commit', 'decode', 'read', 'sink', 'transform'])
      for (const ms of Object.values(progress.ms)) ok(ms >= 0)
      ok(progress.partitions.length > 0)
      for (const { committed, end } of progress.partitions) ok(committed > 0 && committed <= end)
    }
    deepEqual([watcher.sum('recordsOut'), watcher.sum('deadLetters')], [10, 1])
    deepEqual((await processor.status(stages[0])).progress, watcher.progress.at(-1))
  }),

  rule('tells every watcher the same, and one that left nothing more', async fixture => {
    const { processor, stages } = fixture
    const [first, second, leaving] = [1, 2, 3].map(() => new Watcher(fixture, stages[0]))
    await processor.start(stages[0])
    const before = leaving!.events.length
    leaving!.unwatch()
    await fixture.append(stages[0], keys(0, 10))
    await first!.read(10)
    await second!.read(10)
    deepEqual(first!.events, second!.events)
    equal(leaving!.events.length, before)
  }),

  rule(
    'commits what it had in hand when it is drained, so that the next start reads the rest and nothing again',
    async fixture => {
      const { processor, stages, patienceMs } = fixture
      const [stage] = stages
      const watcher = new Watcher(fixture, stage)
      await processor.start(stage)
      const appended = appendMany(fixture, stage, keys(0, 2_000))
      await watcher.read(1)
      await processor.drain(stage, patienceMs)
      const written = (await fixture.rows(stage)).length
      const told = watcher.sum('recordsOut')
      ok(fixture.runs === 'here' ? written === told : written >= told, `${written} rows, ${told} of them told of`)
      await appended
      await processor.start(stage)
      await watcher.read(2_000)
      await processor.drain(stage, patienceMs)
      deepEqual(await sortedRows(fixture, stage), keys(0, 2_000))
      equal(watcher.sum('recordsIn'), 2_000)
    },
  ),

  rule('loses nothing when it is stopped, and reads nothing again of which it told', async fixture => {
    const { processor, stages, patienceMs } = fixture
    const [stage] = stages
    const first = new Watcher(fixture, stage)
    await processor.start(stage)
    const appended = appendMany(fixture, stage, keys(0, 2_000))
    await first.read(1)
    await processor.stop(stage)
    first.unwatch()
    await appended
    const second = new Watcher(fixture, stage)
    await processor.start(stage)
    await second.until('every record written', async () => (await fixture.rows(stage)).length === 2_000)
    await processor.drain(stage, patienceMs)
    deepEqual(await sortedRows(fixture, stage), keys(0, 2_000))
    ok(second.sum('recordsIn') + first.sum('recordsIn') <= 2_000, 'some records were read twice')
  }),

  rule('pauses while its table takes no rows, says why, and goes on by itself', async fixture => {
    const { processor, stages } = fixture
    const [stage] = stages
    const watcher = new Watcher(fixture, stage)
    await processor.start(stage)
    const unblock = await fixture.block(stage)
    await fixture.append(stage, keys(0, 10))
    await watcher.until('paused', () => watcher.states.at(-1)?.state === 'paused')
    const { error } = await processor.status(stage)
    equal(error?.retry, 'later')
    ok(error.message.length > 0)
    await unblock()
    await watcher.read(10)
    await watcher.until('running', () => watcher.states.at(-1)?.state === 'running')
    equal((await processor.status(stage)).error, null)
    deepEqual(await sortedRows(fixture, stage), keys(0, 10))
  }),

  rule('writes what it has in hand before a drain ends, even if its table takes it only then', async fixture => {
    const { processor, stages, patienceMs } = fixture
    const [stage] = stages
    const watcher = new Watcher(fixture, stage)
    await processor.start(stage)
    // Enough keys for every partition to be at work, so that the last record is in hand when the table pauses.
    await fixture.append(stage, keys(0, 50))
    await watcher.read(50)
    const unblock = await fixture.block(stage)
    await fixture.append(stage, keys(50, 51))
    await watcher.until('paused', () => watcher.states.at(-1)?.state === 'paused')
    const drained = processor.drain(stage, patienceMs)
    await unblock()
    await drained
    equal((await processor.status(stage)).state, 'stopped')
    deepEqual(await sortedRows(fixture, stage), keys(0, 51))
  }),

  rule(
    'stops a stage that cannot be drained in time, which is no failure, and writes the rest at the next start',
    async fixture => {
      const { processor, stages } = fixture
      const [stage] = stages
      const watcher = new Watcher(fixture, stage)
      await processor.start(stage)
      const unblock = await fixture.block(stage)
      await fixture.append(stage, keys(0, 10))
      await watcher.until('paused', () => watcher.states.at(-1)?.state === 'paused')
      await processor.drain(stage, 50)
      const { state, error } = await processor.status(stage)
      deepEqual([state, error], ['stopped', null])
      deepEqual(await fixture.rows(stage), [])
      await unblock()
      await processor.start(stage)
      await watcher.read(10)
      deepEqual(await sortedRows(fixture, stage), keys(0, 10))
    },
  ),
]
