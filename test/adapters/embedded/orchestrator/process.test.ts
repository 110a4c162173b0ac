import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { defaultLimits } from '../../../../src/adapters/embedded/orchestrator/limits.ts'
import { openEmbeddedOrchestrator } from '../../../../src/adapters/embedded/orchestrator/orchestrator.ts'
import { systemClock, systemRandom } from '../../../../src/adapters/system/clock.ts'
import type { Orchestrator } from '../../../../src/ports/orchestrator.ts'
import { temporaryDirectory } from '../../../support.ts'
import { dagPlan } from './fixture.ts'
import { succeed } from './tasks.ts'

const dag = 'user_automation'

function open(path: string): Orchestrator {
  const orchestrator = openEmbeddedOrchestrator({ path, clock: systemClock, random: systemRandom })
  onTestFinished(() => orchestrator.close())
  return orchestrator
}

function serveInChild(path: string): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serve-child.ts'), path], { stdio: 'inherit' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Resolves when the attempt says its first word. */
async function begins(orchestrator: Orchestrator, runId: string, attempt: number): Promise<void> {
  for await (const { text } of orchestrator.admin.logs(dag, runId, attempt, { follow: true })) {
    expect(text).toBe('holding')
    return
  }
  throw new Error('The attempt ended without a word.')
}

it('a process that serves hears of a trigger and of a cancel in another one, long before a lease ends', async () => {
  const path = join(temporaryDirectory(), 'orchestrator.db')
  const orchestrator = open(path)
  await orchestrator.deploy('users', [dagPlan({ schedule: null })])
  serveInChild(path)
  const warm = await orchestrator.trigger(dag)
  await begins(orchestrator, warm.runId, 1)

  const cancelledAt = performance.now()
  await orchestrator.admin.cancel(dag, warm.runId)
  const { runId } = await orchestrator.trigger(dag)
  await begins(orchestrator, runId, 1)
  expect(performance.now() - cancelledAt).toBeLessThan(defaultLimits.leaseMs)
  expect((await orchestrator.admin.run(dag, warm.runId)).state).toBe('cancelled')
})

it('what a killed process was running goes on at once in the next, as a new attempt', async () => {
  const path = join(temporaryDirectory(), 'orchestrator.db')
  const orchestrator = open(path)
  await orchestrator.deploy('users', [dagPlan({ schedule: null, task: { attempts: 1 } })])
  const { runId } = await orchestrator.trigger(dag)
  const child = serveInChild(path)
  await begins(orchestrator, runId, 1)
  child.kill('SIGKILL')
  await once(child, 'exit')

  const stop = new AbortController()
  const killedAt = performance.now()
  const served = orchestrator.serve({ [dag]: succeed }, stop.signal)
  for await (const _ of orchestrator.admin.logs(dag, runId, 2, { follow: true }));
  expect(performance.now() - killedAt).toBeLessThan(defaultLimits.leaseMs)
  stop.abort()
  await served
  expect(await orchestrator.admin.run(dag, runId)).toMatchObject({ state: 'success', attempts: 2 })
  expect((await orchestrator.admin.attempts(dag, runId)).map(({ state }) => state)).toEqual(['success', 'lost'])
})
