import { join } from 'node:path'
import { describe, it } from 'vitest'
import { openEmbeddedOrchestrator } from '../../../../src/adapters/embedded/orchestrator/orchestrator.ts'
import { systemClock, systemRandom } from '../../../../src/adapters/system/clock.ts'
import type { Task, TaskExit } from '../../../../src/ports/orchestrator.ts'
import { MillraceError } from '../../../../src/sdk/errors.ts'
import {
  type DagScript,
  type OrchestratorFixture,
  orchestratorConformance,
} from '../../../../src/testing/orchestrator-conformance.ts'
import { temporaryDirectory } from '../../../support.ts'
import { dagPlan } from './fixture.ts'
import { hold } from './tasks.ts'

function play({ exits = ['done'] }: DagScript) {
  return async (task: Task): Promise<TaskExit> => {
    task.logger.log('info', `attempt ${task.attempt}`)
    const exit = exits[Math.min(task.attempt, exits.length) - 1]!
    if (exit === 'hold') return hold(task)
    if (exit === 'done') return { kind: 'done', result: { attempt: task.attempt } }
    return { kind: exit, error: new MillraceError('STAGE_FAILED', 'As scripted.').toJSON(), result: null }
  }
}

async function open(): Promise<OrchestratorFixture> {
  const path = join(temporaryDirectory(), 'orchestrator.db')
  const limits = { pollMs: 10, flushMs: 10 }
  const orchestrator = openEmbeddedOrchestrator({ path, clock: systemClock, random: systemRandom, limits })
  // Read anew at every look, so a DAG can come while it serves.
  const tasks: { [dag: string]: (task: Task) => Promise<TaskExit> } = {}
  const served = orchestrator.serve(tasks, new AbortController().signal)
  let count = 0
  return {
    orchestrator,
    patienceMs: 60_000,
    async dag(script = {}) {
      count += 1
      const id = `dag_${count}`
      const { schedule = null, attempts = 3, timeoutMs = 600_000 } = script
      const plan = dagPlan({
        id,
        pipeline: `pipeline_${count}`,
        schedule,
        task: { attempts, retryDelayMs: 1, timeoutMs },
      })
      tasks[id] = play(script)
      await orchestrator.deploy(plan.pipeline, [plan])
      return plan
    },
    async close() {
      await orchestrator.close()
      await served
    },
  }
}

describe('the embedded orchestrator', () => {
  for (const { rule, check } of orchestratorConformance(open)) it(rule, check)
})
