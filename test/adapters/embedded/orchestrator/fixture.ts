import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { OrchestratorLimits } from '../../../../src/adapters/embedded/orchestrator/limits.ts'
import { openEmbeddedOrchestrator } from '../../../../src/adapters/embedded/orchestrator/orchestrator.ts'
import type { DagPlan } from '../../../../src/plan/plan.ts'
import type { Clock } from '../../../../src/ports/clock.ts'
import type { Orchestrator, Run, TaskHandlers } from '../../../../src/ports/orchestrator.ts'
import { seededRandom } from '../../../../src/testing/seeded-random.ts'
import { type VirtualClock, virtualClock } from '../../../../src/testing/virtual-clock.ts'
import { temporaryDirectory } from '../../../support.ts'

export const day = 86_400_000
export const hour = 3_600_000

type Changes = Partial<Omit<DagPlan, 'task'>> & { readonly task?: Partial<DagPlan['task']> }

export function dagPlan({ task, ...changes }: Changes = {}): DagPlan {
  return {
    id: 'user_automation',
    pipeline: 'users',
    schedule: '0 0 * * *',
    scheduleText: '@daily',
    catchup: false,
    startDate: null,
    ...changes,
    task: {
      id: 'stream_data_from_api',
      stage: 'users/user_automation',
      attempts: 3,
      retryDelayMs: 1000,
      timeoutMs: 600_000,
      ...task,
    },
  }
}

export interface World {
  readonly path: string
  readonly clock: VirtualClock
  /** Opens a further one on the same file, as another process would. */
  open(limits?: Partial<OrchestratorLimits>, clock?: Clock): Orchestrator
  /** Serves until the test ends or `stop` is called. */
  serve(orchestrator: Orchestrator, tasks: TaskHandlers): { stop(reason?: unknown): Promise<void> }
}

/** A file of its own and a clock that starts at `start`; the poll is slow so that days pass quickly. */
export function world(start: string): World {
  const path = join(temporaryDirectory(), 'orchestrator.db')
  const clock = virtualClock({ start: Date.parse(start) })
  return {
    path,
    clock,
    open(limits, own = clock) {
      const orchestrator = openEmbeddedOrchestrator({
        path,
        clock: own,
        random: seededRandom('orchestrator'),
        limits: { pollMs: 60_000, leaseMs: 900_000, ...limits },
      })
      onTestFinished(() => orchestrator.close())
      return orchestrator
    },
    serve(orchestrator, tasks) {
      const controller = new AbortController()
      const served = orchestrator.serve(tasks, controller.signal)
      const stop = async (reason?: unknown) => {
        controller.abort(reason)
        await served
      }
      onTestFinished(async () => {
        controller.abort()
        await Promise.race([served, drive(clock)]).catch(() => undefined)
      })
      return { stop }
    },
  }
}

/** Lets what waits for the clock while it stops come to its end. */
async function drive(clock: VirtualClock): Promise<void> {
  await clock.advance(60_000)
}

/** Every run, oldest first. */
export async function runsOf(orchestrator: Orchestrator, dag = 'user_automation'): Promise<readonly Run[]> {
  return (await orchestrator.admin.runs({ dag, limit: 1000 })).items.toReversed()
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
