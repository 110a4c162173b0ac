import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import users from '../../pipelines/users.ts'
import { openSession } from '../../src/adapters/spark/connect/session.ts'
import { stageProgress } from '../../src/adapters/spark/stage-progress.ts'
import type { StageRecord } from '../../src/adapters/spark/stage-record.ts'
import { systemClock, systemRandom } from '../../src/adapters/system/clock.ts'
import { compile } from '../../src/plan/compile.ts'
import type { StageProgress } from '../../src/ports/processor.ts'
import type { TargetConfig } from '../../src/sdk/config.ts'
import { openTarget } from '../../src/targets.ts'
import { enginesOfThisFile, targetOn } from '../../test/engines/faults/fault-engines.ts'
import { openScene } from '../../test/engines/faults/scene.ts'
import { runMillrace, stage } from '../../test/engines/faults/workers.ts'
import { buildSink } from '../../test/engines/spark/build-sink.ts'
import { SparkServer } from '../../test/engines/spark/spark-server.ts'
import { temporaryDirectory } from '../../test/support.ts'

const engines = enginesOfThisFile()
const server = new SparkServer()
const starts = 10
const seconds = 20

beforeAll(async () => void (await buildSink()), 600_000)

function quantile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!)
}

it('how long a query takes to start, and news of its batches to come', { timeout: 300_000 }, async () => {
  const { tokenFile } = server.engine.connection as { readonly tokenFile: string }
  const url = server.engine.address
  const processor = { adapter: 'spark', url, token: { file: tokenFile }, checkpoints: temporaryDirectory() } as const
  const config: TargetConfig = { ...targetOn(engines()), processor }
  const scene = await openScene(config)
  const { statePath } = scene.surroundings
  await runMillrace(scene.surroundings, 'stop', stage)
  const target = await openTarget({ config, statePath, projectDirectory: resolve('.'), env: process.env })
  try {
    const port = await target.processor({ [stage]: { plan: compile(users) } })
    const taken: number[] = []
    for (let start = 0; start < starts; start++) {
      const begun = performance.now()
      await port.start(stage)
      taken.push(performance.now() - begun)
      if (start < starts - 1) await port.stop(stage)
    }
    const told: StageProgress[] = []
    port.watch(event => void (event.kind === 'progress' && told.push(event.progress)))
    const load = await scene.startLoad({ seed: 'overhead', rate: 300 })
    await load.reached(300 * seconds)
    await load.stop()
    const delays = await delaysOf(told, statePath)
    await port.drain(stage, 10_000)

    const [first, ...others] = taken.map(Math.round)
    const sorted = delays.toSorted((a, b) => a - b)
    console.log(`Starting a query: the first ${first} ms, then ${others.join(', ')} ms.`)
    console.log(
      `Progress of ${sorted.length} batches, after Spark's end of the batch: ` +
        `p50 ${quantile(sorted, 0.5)}, p90 ${quantile(sorted, 0.9)}, most ${quantile(sorted, 1)} ms.`,
    )
    expect(sorted.length).toBeGreaterThan(0)
  } finally {
    await target.close()
  }
})

/** From the end of each batch, as Spark says it, to when the port told of it. */
async function delaysOf(told: readonly StageProgress[], statePath: string): Promise<readonly number[]> {
  const text = readFileSync(join(statePath, 'spark/users.spark_stream.json'), 'utf8')
  const { session: sessionId } = JSON.parse(text) as StageRecord
  const session = await openSession(server.endpoint(), { clock: systemClock, random: systemRandom, sessionId })
  try {
    const [query] = await session.queries.active()
    const batches = await query!.recentProgress()
    return batches.flatMap(batch => {
      const end = Date.parse(batch.timestamp) + batch.batchDuration
      const { partitions } = stageProgress(stage, batch, end) ?? {}
      const event = told.find(each => JSON.stringify(each.partitions) === JSON.stringify(partitions))
      return event === undefined ? [] : [event.at - end]
    })
  } finally {
    await session.close()
  }
}
