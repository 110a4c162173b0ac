import { describe, expect, it } from 'vitest'
import type { Task, TaskExit, TaskHandlers } from '../../../../src/ports/orchestrator.ts'
import { collect, dagPlan, day, hour, runsOf, world } from './fixture.ts'
import { fail, hold, succeed } from './tasks.ts'

/** Keeps what each attempt was told. */
function noting(told: Task[], handler: TaskHandlers[string]): TaskHandlers[string] {
  return task => {
    told.push(task)
    return handler(task)
  }
}

/** Holds, and keeps the reason for which it ended. */
function holding(reasons: unknown[]): TaskHandlers[string] {
  return async task => {
    try {
      return await hold(task)
    } catch (error) {
      reasons.push(error)
      throw error
    }
  }
}

const dates = (runs: readonly { logicalDate: string }[]) => runs.map(({ logicalDate }) => logicalDate.slice(0, 10))

describe('the schedule', () => {
  it('runs the newest complete interval at once, and the next when it completes', async () => {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    const orchestrator = open()
    await orchestrator.deploy('users', [dagPlan()])
    serve(orchestrator, { user_automation: succeed })
    await clock.advance(0)
    expect(await runsOf(orchestrator)).toMatchObject([
      {
        runId: 'scheduled__2026-03-09T00:00:00.000Z',
        state: 'success',
        interval: { start: '2026-03-09T00:00:00.000Z', end: '2026-03-10T00:00:00.000Z' },
        startedAt: '2026-03-10T15:00:00.000Z',
      },
    ])
    expect((await orchestrator.admin.dags()).items[0]?.nextRunAt).toBe('2026-03-11T00:00:00.000Z')
    await clock.advance(9 * hour - 1)
    expect(dates(await runsOf(orchestrator))).toEqual(['2026-03-09'])
    await clock.advance(60_001)
    expect(dates(await runsOf(orchestrator))).toEqual(['2026-03-09', '2026-03-10'])
  })

  it.each([
    [false, ['2026-03-09', '2026-03-14']],
    [true, ['2026-03-09', '2026-03-10', '2026-03-11', '2026-03-12', '2026-03-13', '2026-03-14']],
  ])('after downtime with catchup %s runs %j', async (catchup, expected) => {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    const orchestrator = open()
    await orchestrator.deploy('users', [dagPlan({ catchup })])
    const first = serve(orchestrator, { user_automation: succeed })
    await clock.advance(0)
    await first.stop()
    await clock.advance(5 * day)
    serve(orchestrator, { user_automation: succeed })
    await clock.advance(10 * 60_000)
    const runs = await runsOf(orchestrator)
    expect(dates(runs)).toEqual(expected)
    expect(new Set(runs.map(({ state }) => state))).toEqual(new Set(['success']))
  })

  it('catches up oldest first, with no more than its limit waiting', async () => {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    const orchestrator = open({ queuedRuns: 4 })
    await orchestrator.deploy('users', [dagPlan({ catchup: true, startDate: '2026-01-01T00:00:00Z' })])
    const { stop } = serve(orchestrator, { user_automation: hold })
    await clock.advance(10 * 60_000)
    expect(dates(await runsOf(orchestrator))).toEqual([
      '2026-01-01',
      '2026-01-02',
      '2026-01-03',
      '2026-01-04',
      '2026-01-05',
    ])
    await stop()
    serve(orchestrator, { user_automation: succeed })
    await clock.advance(200 * 60_000)
    const runs = await runsOf(orchestrator)
    expect(runs).toHaveLength(68)
    expect(runs.every(({ state }) => state === 'success')).toBe(true)
  })

  it('runs no interval twice when the clock steps back (G9)', async () => {
    const { clock, open, serve } = world('2026-03-10T23:30:00Z')
    let step = 0
    const orchestrator = open({}, { ...clock, now: () => clock.now() + step })
    await orchestrator.deploy('users', [dagPlan()])
    serve(orchestrator, { user_automation: succeed })
    await clock.advance(hour)
    step = -2 * hour
    await clock.advance(3 * hour)
    step = -3 * day
    await clock.advance(day)
    expect(dates(await runsOf(orchestrator))).toEqual(['2026-03-09', '2026-03-10'])
  })

  it('schedules nothing for a paused DAG, and goes on with the newest interval', async () => {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    const orchestrator = open()
    await orchestrator.deploy('users', [dagPlan()])
    await orchestrator.admin.pause('user_automation', true)
    serve(orchestrator, { user_automation: succeed })
    await clock.advance(2 * day)
    expect(await runsOf(orchestrator)).toEqual([])
    await orchestrator.admin.pause('user_automation', false)
    await clock.advance(60_000)
    expect(dates(await runsOf(orchestrator))).toEqual(['2026-03-11'])
  })
})

describe('an attempt', () => {
  async function triggered(handler: (task: Task) => Promise<TaskExit>, task = {}) {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    const orchestrator = open({ pollMs: 1000 })
    await orchestrator.deploy('users', [dagPlan({ schedule: null, task })])
    const { runId } = await orchestrator.trigger('user_automation')
    const served = serve(orchestrator, { user_automation: handler })
    const attempts = async () => (await orchestrator.admin.attempts('user_automation', runId)).toReversed()
    const run = () => orchestrator.admin.run('user_automation', runId)
    await clock.advance(0)
    return { clock, orchestrator, runId, attempts, run, serve, ...served }
  }

  it('is told its run, and that it continues one that failed', async () => {
    const told: Task[] = []
    const { clock, runId } = await triggered(noting(told, fail))
    await clock.advance(10_000)
    const common = { dag: 'user_automation', task: 'stream_data_from_api', runId, conf: {} }
    expect(told).toMatchObject([
      { ...common, attempt: 1, continues: false },
      { ...common, attempt: 2, continues: true },
      { ...common, attempt: 3, continues: true },
    ])
  })

  it('does not continue a cleared run that had succeeded', async () => {
    const told: Task[] = []
    const { clock, orchestrator, runId, run } = await triggered(noting(told, succeed))
    await orchestrator.admin.clear('user_automation', runId)
    await clock.advance(1000)
    expect(told.map(({ continues }) => continues)).toEqual([false, false])
    expect(await run()).toMatchObject({ state: 'success', attempts: 2 })
  })

  it('of a cleared run may fail as often as before it was cleared', async () => {
    const { clock, orchestrator, runId, attempts, run } = await triggered(fail, { attempts: 2 })
    await clock.advance(10_000)
    await orchestrator.admin.clear('user_automation', runId)
    await clock.advance(10_000)
    expect((await attempts()).map(({ state }) => state)).toEqual(['up_for_retry', 'failed', 'up_for_retry', 'failed'])
    expect((await run()).state).toBe('failed')
  })

  it('waits twice as long before each further one, and fails the run after the last', async () => {
    const { clock, attempts, run } = await triggered(fail, { retryDelayMs: 60_000 })
    await clock.advance(53_000)
    expect((await attempts()).map(({ state }) => state)).toEqual(['up_for_retry'])
    await clock.advance(15_000)
    expect((await attempts()).map(({ state }) => state)).toEqual(['up_for_retry', 'up_for_retry'])
    await clock.advance(140_000)
    expect((await attempts()).map(({ state }) => state)).toEqual(['up_for_retry', 'up_for_retry', 'failed'])
    expect((await run()).state).toBe('failed')
  })

  it('that throws may be tried again, unless its error says never', async () => {
    const { clock, attempts } = await triggered(async () => {
      throw new TypeError('not a function')
    })
    await clock.advance(10_000)
    expect(await attempts()).toHaveLength(3)
    expect((await attempts())[0]).toMatchObject({
      state: 'up_for_retry',
      error: { code: 'STAGE_FAILED', message: 'not a function', retry: 'later' },
    })
  })

  it('that takes too long is aborted and timed out', async () => {
    const reasons: unknown[] = []
    const { clock, attempts, run } = await triggered(holding(reasons), { timeoutMs: 5000, attempts: 1 })
    await clock.advance(4999)
    expect((await run()).state).toBe('running')
    await clock.advance(1)
    expect(reasons).toMatchObject([{ code: 'TASK_TIMED_OUT' }])
    expect(await attempts()).toMatchObject([{ state: 'timed_out', error: { code: 'TASK_TIMED_OUT' } }])
    expect((await run()).state).toBe('failed')
  })

  it('that ignores its time-out is given up after a grace', async () => {
    const { clock, attempts } = await triggered(() => new Promise(() => {}), { timeoutMs: 5000, attempts: 1 })
    await clock.advance(9999)
    expect((await attempts())[0]?.state).toBe('running')
    await clock.advance(1)
    expect((await attempts())[0]?.state).toBe('timed_out')
  })

  it('may last longer than a timer can', async () => {
    const { clock, attempts } = await triggered(hold, { timeoutMs: 30 * day, attempts: 1 })
    expect(Math.max(...clock.waits)).toBeLessThan(2 ** 31)
    expect((await attempts())[0]?.state).toBe('running')
  })

  it('is ended with the reason of a stop; the next serve goes on at once, uncounted', async () => {
    const ended: unknown[] = []
    const first = await triggered(holding(ended), {
      attempts: 1,
    })
    const reason = new Error('Ctrl-C')
    await first.stop(reason)
    expect(ended).toEqual([reason])
    expect(await first.run()).toMatchObject({ state: 'queued', attempts: 1 })
    expect(await first.attempts()).toMatchObject([{ state: 'cancelled' }])
    first.serve(first.orchestrator, { user_automation: succeed })
    await first.clock.advance(0)
    expect((await first.attempts()).map(({ state }) => state)).toEqual(['cancelled', 'success'])
    expect(await first.run()).toMatchObject({ state: 'success', attempts: 2 })
  })

  it('leaves its note on the run', async () => {
    const { run } = await triggered(async task => {
      task.note('from the simulator')
      return succeed(task)
    })
    expect((await run()).note).toBe('from the simulator')
  })

  it('has a bounded log whose last line says that it was cut', async () => {
    const { orchestrator, runId } = await triggered(async task => {
      for (let line = 1; line <= 10_005; line += 1) task.logger.log('info', `line ${line}`)
      return succeed(task)
    })
    const lines = await collect(orchestrator.admin.logs('user_automation', runId, 1))
    expect(lines).toHaveLength(10_001)
    expect(lines.at(-1)?.text).toContain('cut')
  })

  it('has a result of at most 64 KiB; a larger one is left out and its log says so', async () => {
    const { orchestrator, runId, attempts } = await triggered(async () => ({
      kind: 'done',
      result: 'x'.repeat(70_000),
    }))
    expect(await attempts()).toMatchObject([{ state: 'success', result: null }])
    const lines = await collect(orchestrator.admin.logs('user_automation', runId, 1))
    expect(lines).toMatchObject([{ level: 'warn', text: expect.stringContaining('64 KiB') }])
  })
})

describe('the runs of a DAG', () => {
  it('run one at a time in the order they were queued, backfills last', async () => {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    const orchestrator = open({ pollMs: 1000 })
    await orchestrator.deploy('users', [dagPlan({ startDate: '2026-03-10T00:00:00Z' })])
    await orchestrator.admin.backfill('user_automation', { from: '2026-03-01T00:00:00Z', to: '2026-03-03T00:00:00Z' })
    for (const runId of ['one', 'two', 'three']) await orchestrator.trigger('user_automation', { runId })
    const order: string[] = []
    let active = 0
    serve(orchestrator, {
      user_automation: async task => {
        order.push(task.runId)
        active += 1
        expect(active).toBe(1)
        await clock.sleep(100, task.signal)
        active -= 1
        return succeed(task)
      },
    })
    await clock.advance(10_000)
    expect(order).toEqual([
      ...['one', 'two', 'three'],
      ...['backfill__2026-03-01T00:00:00.000Z', 'backfill__2026-03-02T00:00:00.000Z'],
    ])
  })

  it('are left alone where nothing can run them', async () => {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    const orchestrator = open()
    await orchestrator.deploy('users', [dagPlan()])
    await orchestrator.trigger('user_automation', { runId: 'mine' })
    serve(orchestrator, { other: succeed })
    await clock.advance(hour)
    expect(await runsOf(orchestrator)).toMatchObject([{ runId: 'mine', state: 'queued' }])
  })
})
