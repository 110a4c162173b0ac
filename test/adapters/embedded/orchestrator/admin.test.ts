import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { dagPlan, day, runsOf, world } from './fixture.ts'
import { succeed } from './tasks.ts'

const dag = 'user_automation'

async function deployed(changes = {}) {
  const made = world('2026-03-10T15:00:00Z')
  const orchestrator = made.open()
  await orchestrator.deploy('users', [dagPlan(changes)])
  return { ...made, orchestrator, admin: orchestrator.admin }
}

describe('triggering', () => {
  it('names a run after its logical date, the time of the trigger, and never gives one twice', async () => {
    const { orchestrator } = await deployed()
    const [first, second] = [await orchestrator.trigger(dag), await orchestrator.trigger(dag)]
    expect(first).toMatchObject({
      runId: 'manual__2026-03-10T15:00:00.000Z',
      kind: 'manual',
      state: 'queued',
      interval: { start: '2026-03-10T15:00:00.000Z', end: '2026-03-10T15:00:00.000Z' },
    })
    expect(second.runId).toBe('manual__2026-03-10T15:00:00.001Z')
  })

  it.each([
    [{ runId: 'scheduled__2026-03-01T00:00:00.000Z' }, 'NAME_INVALID'],
    [{ runId: 'two words' }, 'NAME_INVALID'],
    [{ runId: 'x'.repeat(251) }, 'NAME_INVALID'],
    [{ logicalDate: 'yesterday' }, 'CONFIG_INVALID'],
    [{ conf: 'x'.repeat(70_000) }, 'CONFIG_INVALID'],
  ])('refuses %j with %s', async (request, code) => {
    const { orchestrator } = await deployed()
    await expect(orchestrator.trigger(dag, request)).rejects.toMatchObject({ code })
    expect(await runsOf(orchestrator)).toEqual([])
  })

  it('does not keep a logical date from its scheduled run', async () => {
    const { orchestrator, serve, clock } = await deployed()
    await orchestrator.trigger(dag, { runId: 'early', logicalDate: '2026-03-09T00:00:00Z' })
    serve(orchestrator, { [dag]: succeed })
    await clock.advance(60_000)
    expect((await runsOf(orchestrator)).map(({ kind, state }) => [kind, state])).toEqual([
      ['manual', 'success'],
      ['scheduled', 'success'],
    ])
  })
})

describe('deploying', () => {
  it('says what it changed, DAG by DAG', async () => {
    const { orchestrator } = await deployed()
    const hourly = dagPlan({ schedule: '0 * * * *', scheduleText: '@hourly' })
    const other = dagPlan({ id: 'other' })
    expect(await orchestrator.deploy('users', [hourly, other])).toEqual([
      { dag, change: 'updated' },
      { dag: 'other', change: 'created' },
    ])
  })

  it('takes no DAG of another pipeline, and then changes nothing at all', async () => {
    const { orchestrator, admin } = await deployed()
    const plans = [dagPlan({ id: 'new', pipeline: 'orders' }), dagPlan({ pipeline: 'orders' })]
    await expect(orchestrator.deploy('orders', plans)).rejects.toMatchObject({ code: 'NAME_DUPLICATE' })
    expect((await admin.dags()).items.map(({ plan }) => plan.id)).toEqual([dag])
  })

  it('leaves a DAG paused that a person paused', async () => {
    const { orchestrator, admin } = await deployed()
    await admin.pause(dag, true)
    expect(await orchestrator.deploy('users', [])).toEqual([])
    expect(await orchestrator.deploy('users', [dagPlan()])).toEqual([{ dag, change: 'unchanged' }])
    expect(await orchestrator.deploy('users', [dagPlan({ catchup: true })])).toEqual([{ dag, change: 'updated' }])
    expect((await admin.dags()).items).toMatchObject([{ paused: true, nextRunAt: null }])
  })
})

describe('lists', () => {
  it('page through 10,000 runs without repeating one, while others are added', async () => {
    const { path, orchestrator, admin } = await deployed()
    const database = new DatabaseSync(path)
    database.exec(`
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
      INSERT INTO runs (dag, run_id, kind, logical_date, interval_start, interval_end, conf, queued_at)
      SELECT '${dag}', 'run-' || i, 'manual', i, i, i, 'null', i FROM n`)
    database.close()
    const seen = new Set<string>()
    let after: string | null = null
    do {
      const page = await admin.runs({ dag, state: 'queued', limit: 999, ...(after === null ? {} : { after }) })
      for (const { runId } of page.items) expect(seen.has(runId)).toBe(false)
      for (const { runId } of page.items) seen.add(runId)
      await orchestrator.trigger(dag)
      after = page.next
    } while (after !== null)
    expect(seen.size).toBe(10_000)
    expect((await admin.runs({ dag, limit: 2_000_000 })).items).toHaveLength(1000)
  })

  it('filter by logical date', async () => {
    const { admin } = await deployed()
    await admin.backfill(dag, { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' })
    const { items } = await admin.runs({ dag, from: '2026-01-10T00:00:00Z', to: '2026-01-12T00:00:00Z' })
    expect(items.map(({ logicalDate }) => logicalDate.slice(0, 10))).toEqual(['2026-01-11', '2026-01-10'])
  })

  it('refuse a cursor they did not make', async () => {
    const { admin } = await deployed()
    await expect(admin.runs({ after: "1' OR 1" })).rejects.toMatchObject({ code: 'CURSOR_INVALID' })
  })
})

describe('backfilling', () => {
  it('takes only whole intervals that have ended, at most 1,000 at a time, oldest first', async () => {
    const { admin } = await deployed({ schedule: '*/30 * * * *' })
    const range = { from: '2026-02-01T00:10:00Z', to: '2026-12-01T00:00:00Z' }
    const first = await admin.backfill(dag, range)
    expect(first).toHaveLength(1000)
    expect(first[0]?.start).toBe('2026-02-01T00:30:00.000Z')
    const second = await admin.backfill(dag, range)
    expect(second[0]?.start).toBe(first.at(-1)?.end)
    expect(second.at(-1)?.end).toBe('2026-03-10T15:00:00.000Z')
    expect(await admin.backfill(dag, range)).toEqual([])
  })

  it('leaves out intervals that were scheduled, and the schedule those that were backfilled (G9)', async () => {
    const { clock, orchestrator, admin, serve } = await deployed()
    const range = { from: '2026-03-08T00:00:00Z', to: '2026-03-10T00:00:00Z' }
    expect(await admin.backfill(dag, range)).toHaveLength(2)
    serve(orchestrator, { [dag]: succeed })
    await clock.advance(day)
    expect((await runsOf(orchestrator)).map(({ kind, logicalDate }) => [kind, logicalDate.slice(0, 10)])).toEqual([
      ['backfill', '2026-03-08'],
      ['backfill', '2026-03-09'],
      ['scheduled', '2026-03-10'],
    ])
  })

  it('refuses a DAG without a schedule, and a range that would take long to look through', async () => {
    const { path, admin } = await deployed({ schedule: '* * * * *' })
    const range = { from: '1990-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }
    const database = new DatabaseSync(path)
    database.exec(`
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      INSERT INTO runs (dag, run_id, kind, logical_date, interval_start, interval_end, conf, queued_at)
      SELECT '${dag}', 'run-' || i, 'backfill', ${Date.parse(range.from)} + i * 60000, 0, 0, 'null', 0 FROM n`)
    database.close()
    await expect(admin.backfill(dag, range)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    const { admin: other } = await deployed({ schedule: null })
    await expect(other.backfill(dag, range)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

it('a file of a newer format is refused', async () => {
  const { path, orchestrator, open } = await deployed()
  await orchestrator.close()
  const database = new DatabaseSync(path)
  database.exec('PRAGMA user_version = 99')
  database.close()
  expect(() => open()).toThrow(expect.objectContaining({ code: 'STATE_VERSION', place: path }))
})
