import { hostname } from 'node:os'
import type { Clock, Random } from '../../../ports/clock.ts'
import type { Orchestrator } from '../../../ports/orchestrator.ts'
import { createAdmin } from './admin.ts'
import { deploy } from './deploy.ts'
import { defaultLimits, type OrchestratorLimits } from './limits.ts'
import { serve } from './scheduler.ts'
import { Store } from './store.ts'
import { trigger } from './trigger.ts'

export interface EmbeddedOrchestratorOptions {
  /** The file that holds DAGs, runs, attempts and their logs; created if missing. Several processes may open it. */
  readonly path: string
  readonly clock: Clock
  /** Spreads retries. */
  readonly random: Random
  /** Who acts, for people. Default `<host>:<pid>`. */
  readonly owner?: string
  readonly limits?: Partial<OrchestratorLimits>
}

/**
 * The orchestrator that needs nothing but a file.
 * @throws MillraceError `STATE_VERSION`, `STATE_READ_ONLY`, `STATE_CORRUPT`.
 */
export function openEmbeddedOrchestrator(options: EmbeddedOrchestratorOptions): Orchestrator {
  const { path, clock, random, owner = `${hostname()}:${process.pid}` } = options
  const limits = { ...defaultLimits, ...options.limits }
  const store = new Store(path)
  const closing = new AbortController()
  const serving = new Set<Promise<void>>()

  async function serveWithOwnStore(...[tasks, signal]: Parameters<Orchestrator['serve']>): Promise<void> {
    const own = new Store(path)
    try {
      await serve({ store: own, clock, random, owner, limits, tasks }, AbortSignal.any([signal, closing.signal]))
    } finally {
      own.close()
    }
  }

  return {
    async deploy(pipeline, dags) {
      return deploy(store, pipeline, dags, clock.now())
    },
    async trigger(dag, request = {}) {
      return trigger(store, dag, request, clock.now())
    },
    async serve(tasks, signal) {
      const served = serveWithOwnStore(tasks, signal)
      serving.add(served)
      await served.finally(() => serving.delete(served))
    },
    admin: createAdmin(store, clock, limits.pollMs),
    async close() {
      if (closing.signal.aborted) return
      closing.abort()
      await Promise.allSettled(serving)
      store.close()
    },
  }
}
