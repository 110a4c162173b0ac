import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import type { Task, TaskHandlers } from '../../../../src/ports/orchestrator.ts'
import { dagPlan, day, runsOf, world } from './fixture.ts'
import { hold, succeed } from './tasks.ts'

const limits = { pollMs: 1000, leaseMs: 15_000, graceMs: 5000 }

describe('two that serve at once', () => {
  it('give each interval exactly one successful run (G9)', async () => {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    const [one, two] = [open(), open()]
    await one.deploy('users', [dagPlan({ catchup: true })])
    const begun: string[] = []
    const count: TaskHandlers[string] = task => {
      begun.push(task.logicalDate)
      return succeed(task)
    }
    serve(one, { user_automation: count })
    serve(two, { user_automation: count })
    await clock.advance(3 * day)
    const runs = await runsOf(two)
    expect(runs).toHaveLength(4)
    expect(runs.every(({ state, attempts }) => state === 'success' && attempts === 1)).toBe(true)
    expect(begun).toEqual(runs.map(({ logicalDate }) => logicalDate))
  })

  it('hand over at once when the first stops', async () => {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    const [one, two] = [open(limits), open(limits)]
    await one.deploy('users', [dagPlan()])
    const first = serve(one, { user_automation: hold })
    await clock.advance(0)
    serve(two, { user_automation: succeed })
    await clock.advance(5000)
    expect(await runsOf(one)).toMatchObject([{ state: 'running' }])
    await first.stop()
    await clock.advance(2000)
    expect(await runsOf(one)).toMatchObject([{ state: 'success', attempts: 2 }])
  })

  it('hand over when the first falls silent; it then changes nothing more and waits', async () => {
    const { clock, open, serve } = world('2026-03-10T15:00:00Z')
    // The first one's time stands still, as in a process that is stopped.
    const frozen = world('2026-03-10T15:00:00Z').clock
    const [one, two] = [open(limits, frozen), open(limits)]
    await one.deploy('users', [dagPlan()])
    let zombie: Task | undefined
    serve(one, {
      user_automation: task => {
        zombie = task
        return hold(task)
      },
    })
    await frozen.advance(0)
    serve(two, { user_automation: hold })
    await clock.advance(14_000)
    expect(await runsOf(two)).toMatchObject([{ state: 'running', attempts: 1 }])
    await clock.advance(3000)
    const attempts = async () =>
      (await two.admin.attempts('user_automation', 'scheduled__2026-03-09T00:00:00.000Z')).map(({ state }) => state)
    expect(await attempts()).toEqual(['running', 'lost'])

    zombie!.note('too late')
    await frozen.advance(5000)
    expect(zombie!.signal.reason).toMatchObject({ code: 'SCHEDULER_FENCED' })
    expect(await attempts()).toEqual(['running', 'lost'])
    expect((await runsOf(two))[0]?.note).toBeNull()
  })
})

describe('an attempt whose process is gone', () => {
  /** A run that a process with this id left running. */
  async function abandoned(pid: number, attempts = 1) {
    const made = world('2026-03-10T15:00:00Z')
    const one = made.open(limits)
    await one.deploy('users', [dagPlan({ schedule: null, task: { attempts } })])
    const { runId } = await one.trigger('user_automation')
    const frozen = world('2026-03-10T15:00:00Z').clock
    made.serve(made.open(limits, frozen), { user_automation: hold })
    await frozen.advance(0)
    const database = new DatabaseSync(made.path)
    database.prepare(`UPDATE lease SET token = 'of another process', pid = ?`).run(pid)
    database.close()
    return { ...made, one, runId }
  }

  it('is lost, and its run goes on at once without counting it', async () => {
    const { clock, one, runId, serve } = await abandoned(noProcess)
    serve(one, { user_automation: succeed })
    await clock.advance(0)
    const attempts = await one.admin.attempts('user_automation', runId)
    expect(attempts).toMatchObject([
      { attempt: 2, state: 'success' },
      { attempt: 1, state: 'lost', error: { code: 'TASK_LOST' } },
    ])
  })

  it('can be cancelled while nobody serves', async () => {
    const { one, runId } = await abandoned(noProcess)
    expect((await one.admin.cancel('user_automation', runId)).state).toBe('cancelled')
    expect(await one.admin.attempts('user_automation', runId)).toMatchObject([{ state: 'lost' }])
  })

  it('is waited for as long as its process may still live', async () => {
    const { clock, one, runId, serve } = await abandoned(process.pid)
    serve(one, { user_automation: succeed })
    await clock.advance(14_000)
    expect((await one.admin.run('user_automation', runId)).attempts).toBe(1)
    await clock.advance(2000)
    expect(await one.admin.run('user_automation', runId)).toMatchObject({ attempts: 2, state: 'success' })
  })
})

/** Above the largest process id there is on Linux. */
const noProcess = 2 ** 22 + 1
