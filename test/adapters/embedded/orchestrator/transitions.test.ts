import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { attemptTransitions, type Orchestrator, runTransitions } from '../../../../src/ports/orchestrator.ts'
import { MillraceError } from '../../../../src/sdk/errors.ts'
import { dagPlan, day, hour, runsOf, world } from './fixture.ts'
import { fail, hold, succeed } from './tasks.ts'

const dag = 'user_automation'

const command = fc.oneof(
  fc.record({ do: fc.constant('trigger' as const) }),
  fc.record({ do: fc.constantFrom('cancel' as const, 'clear' as const), run: fc.nat({ max: 9 }) }),
  fc.record({ do: fc.constant('pause' as const), paused: fc.boolean() }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1000, 20_000, hour, day) }),
  fc.record({ do: fc.constantFrom('stop' as const, 'serve' as const) }),
  fc.record({ do: fc.constant('behave' as const), as: fc.constantFrom(succeed, fail, hold) }),
)

/** Writes down every change of state, whoever makes it. */
function record(path: string) {
  const database = new DatabaseSync(path)
  database.exec(`
    CREATE TABLE moves (number INTEGER PRIMARY KEY, kind TEXT, old TEXT, new TEXT);
    CREATE TRIGGER run_moves AFTER UPDATE ON runs WHEN old.state <> new.state
      BEGIN INSERT INTO moves (kind, old, new) VALUES ('run', old.state, new.state); END;
    CREATE TRIGGER attempt_moves AFTER UPDATE ON attempts WHEN old.state <> new.state
      BEGIN INSERT INTO moves (kind, old, new) VALUES ('attempt', old.state, new.state); END;
  `)
  onTestFinished(() => database.close())
  return () =>
    database.prepare('SELECT kind, old, new FROM moves').all() as { kind: string; old: string; new: string }[]
}

/** A run that is in no state for a command refuses it; nothing else may go wrong. */
async function attempted(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof MillraceError && error.code === 'RUN_STATE')) throw error
  }
}

async function nthRun(orchestrator: Orchestrator, index: number): Promise<string | undefined> {
  return (await runsOf(orchestrator))[index]?.runId
}

it('whatever is asked in whatever order, states change only as their tables allow, and no interval has two runs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 25 }), async commands => {
      const { path, clock, open, serve } = world('2026-03-10T15:00:00Z')
      const orchestrator = open()
      const moves = record(path)
      const task = { attempts: 2, timeoutMs: 2 * hour }
      await orchestrator.deploy('users', [dagPlan({ catchup: true, task })])
      let behave = succeed
      const tasks = { [dag]: (told: Parameters<typeof succeed>[0]) => behave(told) }
      let served = serve(orchestrator, tasks)
      let serving = true
      for (const each of commands) {
        if (each.do === 'trigger') await orchestrator.trigger(dag)
        if (each.do === 'pause') await orchestrator.admin.pause(dag, each.paused)
        if (each.do === 'advance') await clock.advance(each.ms)
        if (each.do === 'behave') behave = each.as
        if (each.do === 'cancel' || each.do === 'clear') {
          const runId = await nthRun(orchestrator, each.run)
          if (runId !== undefined) await attempted(orchestrator.admin[each.do](dag, runId))
        }
        if (each.do === 'stop' && serving) {
          await served.stop()
          serving = false
        }
        if (each.do === 'serve' && !serving) {
          served = serve(orchestrator, tasks)
          serving = true
        }
      }
      if (serving) await served.stop()
      await orchestrator.close()

      for (const { kind, old, new: to } of moves()) {
        const table: { readonly [from: string]: readonly string[] } =
          kind === 'run' ? runTransitions : attemptTransitions
        expect(table[old], `${kind}: ${old} → ${to}`).toContain(to)
      }
      const again = open()
      const runs = await runsOf(again)
      const scheduled = runs.filter(({ kind }) => kind === 'scheduled').map(({ logicalDate }) => logicalDate)
      expect(new Set(scheduled).size).toBe(scheduled.length)
      for (const { runId } of runs) {
        const attempts = await again.admin.attempts(dag, runId)
        expect(attempts.some(({ state }) => state === 'running')).toBe(false)
      }
      await again.close()
    }),
    { numRuns: 25 },
  )
})
