import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type ErrorReport, MillraceError } from '../../sdk/errors.ts'
import type { Simulator, SimulatorOptions } from './simulator.ts'

export type FromSimulatorThread = { readonly url: string } | { readonly error: ErrorReport }

/**
 * The simulator on a thread of its own, so that making users does not slow the pipeline. It does not keep the process
 * running.
 * @throws MillraceError `PORT_IN_USE`.
 */
export async function startSimulatorThread(options: SimulatorOptions = {}): Promise<Simulator> {
  const entry = import.meta.url.endsWith('.ts') ? './simulator-worker.ts' : './simulator-worker.js'
  const worker = new Worker(new URL(entry, import.meta.url), {
    workerData: options,
    resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16 },
  })
  const [answer] = (await once(worker, 'message')) as [FromSimulatorThread]
  if ('error' in answer) {
    await worker.terminate()
    const { code, message, place, fix } = answer.error
    throw new MillraceError(code, message, { ...(place && { place }), ...(fix && { fix }) })
  }
  worker.unref()
  return {
    url: answer.url,
    async close() {
      await worker.terminate()
    },
  }
}
