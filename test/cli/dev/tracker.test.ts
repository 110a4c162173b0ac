import { beforeEach, describe, expect, it } from 'vitest'
import users from '../../../pipelines/users.ts'
import { DevTracker } from '../../../src/cli/dev/tracker.ts'
import { compile } from '../../../src/plan/compile.ts'
import type { Run } from '../../../src/ports/orchestrator.ts'
import type { StageProgress, StageState } from '../../../src/ports/processor.ts'
import { MillraceError } from '../../../src/sdk/errors.ts'

const start = Date.UTC(2026, 0, 1)
const at = (ms: number) => start + ms
const stage = 'users/spark_stream'
const runId = 'scheduled__2025-12-31T00:00:00.000Z'
const task = { dag: 'user_automation', runId, attempt: 1 }

const progress = (given: Partial<StageProgress>): StageProgress => ({
  ...{ stage, at: start, recordsIn: 0, recordsOut: 0, deadLetters: 0, filtered: 0, bytesIn: 0 },
  ...{ ms: { read: 0, decode: 0, transform: 0, sink: 0, commit: 0 }, partitions: [] },
  ...given,
})

const soFar = (elapsedMs: number) => ({
  ...{ pages: 1, appended: 300, deadLetters: 0, filtered: 0, finished: false },
  elapsedMs,
})

const stands = (state: Run['state'], attempts = 1): Run => ({
  ...{ dag: 'user_automation', runId, kind: 'scheduled', state, attempts, conf: {}, note: null },
  ...{ logicalDate: '', interval: { start: '', end: '' }, queuedAt: '', startedAt: null, endedAt: null },
})

let tracker: DevTracker
const view = (now = start) => tracker.snapshot(now)
const ingest = (now = start) => view(now).stages[0]!
const stream = (now = start) => view(now).stages[1]!

function become(state: StageState, error: MillraceError | null = null): void {
  tracker.stageEvent({ kind: 'state', status: { stage, state, error: error?.toJSON() ?? null, progress: null } })
}

beforeEach(() => {
  const session = { target: 'local', statePath: '/tmp/state', startedAt: start }
  tracker = new DevTracker(session, compile(users), start)
})

describe('a stream stage', () => {
  it('is as its processor says, with the reason', () => {
    expect(stream()).toMatchObject({ state: 'stopped', error: null, from: 'users_created' })
    become('running')
    expect(stream()).toMatchObject({ state: 'running', error: null })
    become('paused', new MillraceError('STORAGE_FULL', 'Full.'))
    expect(stream()).toMatchObject({ state: 'paused', error: { code: 'STORAGE_FULL' } })
    become('running')
    expect(stream().error).toBeNull()
  })

  it('adds up its batches, and nothing of a stage of another pipeline', () => {
    for (const second of [0, 1]) {
      const batch = progress({ at: at(second * 1_000), recordsIn: 110, recordsOut: 100, deadLetters: 10 })
      tracker.stageEvent({ kind: 'progress', progress: batch })
    }
    tracker.stageEvent({ kind: 'progress', progress: progress({ stage: 'orders/place', recordsOut: 7 }) })
    expect(stream(at(2_000))).toMatchObject({ records: 200, deadLetters: 20, recordsPerSecond: 100 })
  })

  it('lags by what the topic has beyond its commits, from before its first batch on', () => {
    tracker.committedIs(stage, new Map([[0, 5]]))
    tracker.topicIs(
      'users_created',
      new Map([
        [0, 10],
        [1, 20],
      ]),
      30,
    )
    expect(stream().lag).toBe(25)
    const partitions = [{ partition: 1, committed: 18, end: 20 }]
    tracker.stageEvent({ kind: 'progress', progress: progress({ partitions }) })
    expect(stream().lag).toBe(7)
    // The commits may be newer than the ends.
    tracker.stageEvent({
      kind: 'progress',
      progress: progress({ partitions: [{ partition: 1, committed: 30, end: 30 }] }),
    })
    expect(stream().lag).toBe(5)
    expect(ingest().lag).toBeNull()
  })

  it('gives the time of the first row once', () => {
    const batch = (ms: number, recordsOut: number, of = stage) =>
      tracker.stageEvent({ kind: 'progress', progress: progress({ stage: of, at: at(ms), recordsOut }) })
    batch(100, 5, 'users/user_automation')
    batch(200, 0)
    expect(view().firstRowMs).toBeNull()
    batch(900, 3)
    batch(1_500, 3)
    expect(view().firstRowMs).toBe(900)
  })
})

describe('totals', () => {
  it('are unknown until they are counted', () => {
    expect([ingest().total, stream().total]).toEqual([null, null])
    tracker.topicIs('users_created', new Map([[0, 40]]), 30)
    tracker.tableIs('spark_streams.created_users', 29)
    expect([ingest().total, stream().total]).toEqual([30, 29])
  })
})

describe('a run', () => {
  it('moves on between pages, and not beyond its duration', () => {
    expect(view().run).toBeNull()
    tracker.runIs(task)
    expect(view().run).toMatchObject({ state: 'running', attempt: 1, elapsedMs: 0, durationMs: 60_000 })
    expect(ingest().state).toBe('running')
    tracker.runProgressed(progress({ stage: 'users/user_automation', at: at(2_000), recordsOut: 300 }), soFar(1_800))
    expect(view(at(3_000)).run!.elapsedMs).toBe(2_800)
    expect(view(at(120_000)).run!.elapsedMs).toBe(60_000)
  })

  it('ends as the orchestrator says, with what the attempt said it streamed', () => {
    tracker.runIs(task)
    tracker.runProgressed(progress({ stage: 'users/user_automation', at: at(2_000) }), soFar(1_800))
    tracker.runStands(stands('success'), null, 60_000)
    expect(view(at(90_000)).run).toMatchObject({ state: 'success', elapsedMs: 60_000 })
    expect(ingest().state).toBe('stopped')
  })

  it('keeps what it streamed where the orchestrator does not know', () => {
    tracker.runIs(task)
    tracker.runProgressed(progress({ stage: 'users/user_automation', at: at(2_000) }), soFar(1_800))
    const error = new MillraceError('TASK_LOST', 'Gone.').toJSON()
    tracker.runStands(stands('failed'), error)
    expect(view(at(90_000)).run).toMatchObject({ state: 'failed', elapsedMs: 1_800, error: { code: 'TASK_LOST' } })
  })

  it('that follows another one starts at nothing', () => {
    tracker.runIs(task)
    tracker.runProgressed(progress({ stage: 'users/user_automation', at: at(2_000) }), soFar(1_800))
    tracker.runIs({ ...task, runId: 'manual__later' })
    expect(view(at(90_000)).run).toMatchObject({ runId: 'manual__later', elapsedMs: 0 })
  })

  it('from before this start is shown as it stands', () => {
    tracker.runStands(stands('success', 2), null, 60_000)
    expect(view().run).toMatchObject({ runId, state: 'success', attempt: 2, elapsedMs: 60_000, durationMs: 60_000 })
    expect(ingest().state).toBe('stopped')
  })
})

it('the memory shown is the most there was', () => {
  for (const bytes of [100, 300, 200]) tracker.memoryIs(bytes)
  expect(view().peakRssBytes).toBe(300)
})
