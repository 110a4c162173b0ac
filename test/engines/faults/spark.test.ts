import { beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { buildSink } from '../spark/build-sink.ts'
import { inState, openSparkScene, recordOf } from '../spark/spark-scene.ts'
import { SparkServer } from '../spark/spark-server.ts'
import { enginesOfThisFile } from './fault-engines.ts'
import { startWorker } from './workers.ts'

const timeout = 600_000
/** Records a second: enough to be in the middle of something at any moment, whatever else the machine does. */
const rate = 200
const outageMs = 60_000

describe('faults under the users pipeline with its stage on Spark', () => {
  const engines = enginesOfThisFile()
  const server = new SparkServer()
  const open = () => openSparkScene(engines(), server)

  beforeAll(async () => void (await buildSink()), 600_000)

  it('Kafka stopped and killed: the stage waits and goes on (G1–G5, G7)', { timeout }, async () => {
    const { kafka } = engines()
    const scene = await open()
    const worker = startWorker(scene.surroundings)
    await inState(worker, 'running')
    const load = await scene.startLoad({ seed: 'spark-kafka', rate })
    for (const end of ['stop', 'kill'] as const) {
      await load.reached(load.sent().records + 1_000)
      const said = worker.states.length
      await kafka[end]()
      const { error } = await inState(worker, 'paused', said)
      expect(error).toMatchObject({ code: expect.any(String), message: expect.any(String) })
      await kafka.start()
      await inState(worker, 'running', said + 1)
      await scene.checkCommits()
    }
    await load.reached(load.sent().records + 500)
    await scene.finish(load, 180_000)
    expect(await worker.stop()).toMatchObject({ code: 0 })
  })

  it('Cassandra away for a minute, twice: the stage waits and goes on (G1–G5, G7)', { timeout }, async () => {
    const { cassandra } = engines()
    const scene = await open()
    const worker = startWorker(scene.surroundings)
    await inState(worker, 'running')
    const load = await scene.startLoad({ seed: 'spark-cassandra', rate })
    for (const outage of ['killed', 'silent'] as const) {
      await load.reached(load.sent().records + 1_000)
      const said = worker.states.length
      if (outage === 'killed') await cassandra.kill()
      else cassandra.signal('SIGSTOP')
      const since = systemClock.elapsed()
      const { error } = await inState(worker, 'paused', said)
      expect(error!.code).toMatch(/^DATABASE_/)
      await systemClock.sleep(Math.max(0, outageMs - (systemClock.elapsed() - since)))
      if (outage === 'killed') await cassandra.start()
      else cassandra.signal('SIGCONT')
      await inState(worker, 'running', said + 1)
    }
    await load.reached(load.sent().records + 500)
    await scene.finish(load, 180_000)
    expect(await worker.stop()).toMatchObject({ code: 0 })
  })

  it('the process that watches killed at 10 moments: the query does not notice (G1–G5)', { timeout }, async () => {
    const scene = await open()
    const random = seededRandom('watcher kills')
    const load = await scene.startLoad({ seed: 'watcher-kills', rate })
    const started = recordOf(scene.surroundings)
    for (let kill = 0; kill < 10; kill++) {
      const worker = startWorker(scene.surroundings)
      await systemClock.sleep(500 + random.next() * 2_000)
      await worker.kill()
    }
    const worker = startWorker(scene.surroundings)
    await inState(worker, 'running')
    await load.reached(load.sent().records + 500)
    await scene.finish(load)
    expect(recordOf(scene.surroundings)).toEqual(started)
    expect(await worker.stop()).toMatchObject({ code: 0, outcome: { kind: 'done' } })
  })
})
