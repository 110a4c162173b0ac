import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Store } from '../../../../src/adapters/embedded/orchestrator/store.ts'
import {
  type AttemptState,
  attemptTransitions,
  type RunState,
  runTransitions,
} from '../../../../src/ports/orchestrator.ts'
import { temporaryDirectory } from '../../../support.ts'

const runStates = Object.keys(runTransitions) as RunState[]
const attemptStates = Object.keys(attemptTransitions) as AttemptState[]

function openStore() {
  const store = new Store(join(temporaryDirectory(), 'orchestrator.db'))
  onTestFinished(() => store.close())
  store.change(`INSERT INTO dags (id, pipeline, plan, deployed_at) VALUES ('dag', 'users', '{}', 0)`)
  const interval = { start: 0, end: 1 }
  const run = store.addRun({
    dag: 'dag',
    runId: 'run',
    kind: 'manual',
    logicalDate: 0,
    interval,
    conf: null,
    queuedAt: 0,
  })
  return { store, run, attempt: store.beginAttempt(run, 0) }
}

/** Whether `move` is refused as something that cannot be. */
function isRefused(move: () => void): boolean {
  try {
    move()
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVARIANT_BROKEN' })
    return true
  }
}

it('the store refuses every transition of a run that its table does not list', () => {
  const { store, run } = openStore()
  for (const from of runStates) {
    for (const to of runStates) {
      store.change('UPDATE runs SET state = ? WHERE id = ?', from, run.id)
      const allowed = (runTransitions[from] as readonly string[]).includes(to)
      expect(
        isRefused(() => store.moveRun({ ...run, state: from }, to)),
        `${from} → ${to}`,
      ).toBe(!allowed)
    }
  }
})

it('the store refuses every transition of an attempt that its table does not list', () => {
  const { store, attempt } = openStore()
  for (const from of attemptStates) {
    for (const to of attemptStates) {
      store.change('UPDATE attempts SET state = ? WHERE id = ?', from, attempt.id)
      const allowed = (attemptTransitions[from] as readonly string[]).includes(to)
      expect(
        isRefused(() => store.moveAttempt({ ...attempt, state: from }, to)),
        `${from} → ${to}`,
      ).toBe(!allowed)
    }
  }
})

it('the store refuses a move from a state that the run is no longer in', () => {
  const { store, run } = openStore()
  expect(isRefused(() => store.moveRun(run, 'cancelled'))).toBe(true)
})
