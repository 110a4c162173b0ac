import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { stageTransitions } from '../../ports/processor.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { ConformanceCase } from '../conformance.ts'
import { fails, keys, type Rule, sortedRows, Watcher } from './processor-test.ts'

/** Starting, stopping, and what a stage says of itself meanwhile. */
export const controlling = (rule: Rule): readonly ConformanceCase[] => [
  rule('refuses nothing of a plan it can run', async ({ processor, plan }) => {
    deepEqual(processor.refuses(plan), [])
  }),

  rule('has a stage stopped until it is started, and running once start resolves', async ({ processor, stages }) => {
    const [stage] = stages
    deepEqual(await processor.status(stage), { stage, state: 'stopped', error: null, progress: null })
    await processor.start(stage)
    deepEqual(await processor.status(stage), { stage, state: 'running', error: null, progress: null })
  }),

  rule('knows no stage that is not in the plan', async ({ processor }) => {
    await fails('STAGE_UNKNOWN', () => processor.start('copies/none'))
    await fails('STAGE_UNKNOWN', () => processor.drain('copies/none', 1_000))
    await fails('STAGE_UNKNOWN', () => processor.stop('copies/none'))
    await fails('STAGE_UNKNOWN', () => processor.status('copies/none'))
  }),

  rule('starts a stage once, however often it is asked', async fixture => {
    const { processor, stages } = fixture
    const watcher = new Watcher(fixture, stages[0])
    await Promise.all([processor.start(stages[0]), processor.start(stages[0])])
    await processor.start(stages[0])
    deepEqual(
      watcher.states.map(({ state }) => state),
      ['starting', 'running'],
    )
  }),

  rule('does nothing to drain or stop a stopped stage', async fixture => {
    const { processor, stages } = fixture
    const watcher = new Watcher(fixture, stages[0])
    await processor.drain(stages[0], 1_000)
    await processor.stop(stages[0])
    equal((await processor.status(stages[0])).state, 'stopped')
    deepEqual(watcher.events, [])
  }),

  rule('starts a stage again that is just being drained or stopped', async fixture => {
    const { processor, stages } = fixture
    const [stage] = stages
    await processor.start(stage)
    await Promise.all([processor.drain(stage, fixture.patienceMs), processor.start(stage)])
    equal((await processor.status(stage)).state, 'running')
    await Promise.all([processor.stop(stage), processor.start(stage)])
    equal((await processor.status(stage)).state, 'running')
  }),

  rule('moves a stage only along the transitions of stages, and says each step', async fixture => {
    const { processor, stages } = fixture
    const [stage] = stages
    const watcher = new Watcher(fixture, stage)
    for (const end of [() => processor.drain(stage, fixture.patienceMs), () => processor.stop(stage)]) {
      await processor.start(stage)
      await fixture.append(stage, keys(0, 10))
      await watcher.read(10)
      await end()
      equal((await processor.status(stage)).state, 'stopped')
    }
    const states = ['stopped' as const, ...watcher.states.map(({ state }) => state)]
    for (const [index, state] of states.slice(1).entries()) {
      const allowed: readonly string[] = stageTransitions[states[index]!]
      ok(allowed.includes(state), states.join(' → '))
    }
    deepEqual(
      states.filter(state => state === 'starting' || state === 'running'),
      ['starting', 'running', 'starting', 'running'],
    )
    ok(states.includes('draining'), states.join(' → '))
    equal(states.at(-1), 'stopped')
  }),

  rule('says why a stage failed, again at every start, and runs it once that is mended', async fixture => {
    const { processor, broken } = fixture
    const watcher = new Watcher(fixture, broken.stage)
    for (const _ of [1, 2]) {
      await rejects(processor.start(broken.stage), MillraceError)
      const { state, error } = await processor.status(broken.stage)
      equal(state, 'failed')
      equal(error?.code, 'TABLE_UNKNOWN')
      ok(error.message.length > 0)
    }
    equal(watcher.states.filter(({ state }) => state === 'failed').length, 2)
    await processor.stop(broken.stage)
    await broken.mend()
    await fixture.append(broken.stage, keys(0, 3))
    await processor.start(broken.stage)
    equal((await processor.status(broken.stage)).error, null)
    await watcher.read(3)
    deepEqual(await sortedRows(fixture, broken.stage), keys(0, 3))
  }),

  rule('deploys a stage, which then goes on by itself, or nothing where none does', async fixture => {
    const { processor, stages, patienceMs } = fixture
    const [stage] = stages
    const [first, next, state] =
      fixture.runs === 'here' ? ([null, null, 'stopped'] as const) : (['start', 'keep', 'running'] as const)
    equal(await processor.deployment(stage), first)
    equal(await processor.deploy(stage), first)
    equal(await processor.deployment(stage), next)
    equal(await processor.deploy(stage), next)
    equal((await processor.status(stage)).state, state)
    const watcher = new Watcher(fixture, stage)
    await processor.start(stage)
    await fixture.append(stage, keys(0, 10))
    await watcher.read(10)
    await processor.leave(stage, patienceMs)
    equal((await processor.status(stage)).state, state)
    await processor.drain(stage, patienceMs)
    equal((await processor.status(stage)).state, 'stopped')
    equal(await processor.deployment(stage), first)
    deepEqual(await sortedRows(fixture, stage), keys(0, 10))
  }),

  rule('drains a stage that it leaves and that is not deployed', async fixture => {
    const { processor, stages, patienceMs } = fixture
    const watcher = new Watcher(fixture, stages[0])
    await processor.start(stages[0])
    await processor.leave(stages[0], patienceMs)
    equal((await processor.status(stages[0])).state, 'stopped')
    deepEqual(
      watcher.states.map(({ state }) => state),
      ['starting', 'running', 'draining', 'stopped'],
    )
  }),

  rule('stops every stage when it is closed', async fixture => {
    const { processor, stages } = fixture
    const watchers = stages.map(stage => new Watcher(fixture, stage))
    await Promise.all(stages.map(stage => processor.start(stage)))
    await processor.close()
    for (const { states } of watchers) equal(states.at(-1)?.state, 'stopped')
    for (const stage of stages) await fixture.append(stage, keys(0, 10))
    for (const stage of stages) deepEqual(await fixture.rows(stage), [])
  }),
]
