import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { StageRecord } from '../../../src/adapters/spark/stage-record.ts'
import type { SparkConfig } from '../../../src/sdk/targets/spark.ts'
import { temporaryDirectory } from '../../support.ts'
import { type FaultEngines, targetOn } from '../faults/fault-engines.ts'
import { openScene, type Scene } from '../faults/scene.ts'
import { type Surroundings, stage, tryMillrace, until, type Worker } from '../faults/workers.ts'
import type { SparkServer } from './spark-server.ts'

/** A scene whose stage is on Spark. Its pipeline is applied, and so the stage's query runs, until the test ends. */
export async function openSparkScene(
  engines: FaultEngines,
  server: SparkServer,
  config: Partial<SparkConfig> = {},
): Promise<Scene> {
  const { tokenFile } = server.engine.connection as { readonly tokenFile: string }
  const where = { url: server.engine.address, token: { file: tokenFile }, checkpoints: temporaryDirectory() }
  const scene = await openScene({ ...targetOn(engines), processor: { adapter: 'spark', ...where, ...config } })
  onTestFinished(async () => void (await tryMillrace(scene.surroundings, 'stop', stage)))
  return scene
}

/** What is kept of the stage's query. */
export function recordOf({ statePath }: Surroundings): StageRecord {
  return JSON.parse(readFileSync(join(statePath, 'spark/users.spark_stream.json'), 'utf8')) as StageRecord
}

/** Resolves when a worker has said that the stage is in a state. @param after how many states it had said before */
export async function inState(worker: Worker, state: string, after = 0): Promise<Worker['states'][number]> {
  const states = await until(
    `worker ${worker.pid} is ${state}`,
    async () => worker.states.slice(after),
    seen => seen.some(each => each.state === state),
    120_000,
  )
  return states.find(each => each.state === state)!
}
