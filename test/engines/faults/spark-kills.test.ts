import { beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { buildSink } from '../spark/build-sink.ts'
import { inState, openSparkScene, recordOf } from '../spark/spark-scene.ts'
import { SparkServer } from '../spark/spark-server.ts'
import { enginesOfThisFile } from './fault-engines.ts'
import { startWorker } from './workers.ts'

/** Records a second: enough to be in the middle of something at any moment, whatever else the machine does. */
const rate = 200
const kills = 20

describe('Spark killed under the users pipeline', () => {
  const engines = enginesOfThisFile()
  const server = new SparkServer()

  beforeAll(async () => void (await buildSink()), 600_000)

  it(`at ${kills} moments: the stage goes on each time (G1–G5, G7)`, { timeout: 840_000 }, async () => {
    const scene = await openSparkScene(engines(), server)
    const random = seededRandom('spark kills')
    const worker = startWorker(scene.surroundings)
    await inState(worker, 'running')
    const { id } = recordOf(scene.surroundings).query!
    const load = await scene.startLoad({ seed: 'spark-kills', rate })
    for (let kill = 0; kill < kills; kill++) {
      await systemClock.sleep(random.next() * 3_000)
      const said = worker.states.length
      await server.engine.kill()
      await server.engine.start()
      await inState(worker, 'running', said)
      if (kill % 5 === 4) await scene.checkCommits()
    }
    await scene.finish(load, 120_000)
    expect(recordOf(scene.surroundings).query!.id).toBe(id)
    expect(await worker.stop()).toMatchObject({ code: 0, outcome: { kind: 'done' } })
  })
})
