import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import type { StartEngineOptions } from '../../../src/stack/start-engine.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { freePorts } from '../kafka/support.ts'
import { enginesOfThisFile, targetOn } from './fault-engines.ts'
import { generationOf } from './generation.ts'
import { FaultProxy } from './proxy.ts'
import { openScene, type Scene } from './scene.ts'
import { caughtUp, group, shared, startWorker, until } from './workers.ts'

const timeout = 900_000
/** Records a second: enough to be in the middle of something at any moment, whatever else the machine does. */
const rate = 200
const cuts = 20
const sessionMs = 10_000

/** Kafka tells its clients that it is where the proxy will be. */
let kafkaProxyPort = 0
async function behindProxy(): Promise<Pick<StartEngineOptions, 'ports' | 'settings'>> {
  const [client, controller, proxied] = await freePorts(3)
  kafkaProxyPort = proxied!
  const advertised = `PLAINTEXT://127.0.0.1:${proxied},CONTROLLER://127.0.0.1:${controller}`
  return { ports: { client: client!, controller: controller! }, settings: { 'advertised.listeners': advertised } }
}

describe('a bad network under the users pipeline on Kafka, a registry and Cassandra', () => {
  const engines = enginesOfThisFile(behindProxy)

  const broker = () => engines().kafka.address

  async function open(): Promise<{ scene: Scene; kafka: FaultProxy; cassandra: FaultProxy }> {
    const { kafka: broker, cassandra: node } = engines()
    const kafka = await FaultProxy.open({ port: kafkaProxyPort, to: broker.ports.client, seed: 'kafka' })
    const cassandra = await FaultProxy.open({ port: 0, to: node.ports.client, seed: 'cassandra' })
    onTestFinished(() => kafka.close())
    onTestFinished(() => cassandra.close())
    const target = targetOn(engines())
    const table = { ...target.table, contactPoints: [`127.0.0.1:${cassandra.port}`] }
    const log = { ...target.log, brokers: [`127.0.0.1:${kafka.port}`] }
    const scene = await openScene({ ...target, log, table } as typeof target)
    return { scene, kafka, cassandra }
  }

  /** At moments of a seed: cuts; then delays; then silence of some seconds. */
  async function misbehave(proxy: FaultProxy, seed: string): Promise<void> {
    const random = seededRandom(seed)
    for (let cut = 0; cut < cuts; cut++) {
      await systemClock.sleep(random.next() * 1_000)
      proxy.cut()
    }
    proxy.delay([50, 500])
    await systemClock.sleep(8_000)
    proxy.cut()
    await systemClock.sleep(4_000)
    proxy.delay([0, 0])
    proxy.hold()
    await systemClock.sleep(sessionMs * 0.6)
    proxy.release()
  }

  it('between workers and Kafka: they go on (G1–G5, G7)', { timeout }, async () => {
    const { scene, kafka } = await open()
    const workers = [startWorker(scene.surroundings), startWorker(scene.surroundings)]
    await shared(scene.readers, workers)
    const load = await scene.startLoad({ seed: 'network to kafka', rate })
    await load.reached(1_000)
    await misbehave(kafka, 'kafka')
    await load.reached(load.sent().records + 1_000)
    await scene.checkCommits()
    // Longer than the session: to the broker the workers are gone, and then all that they sent comes late.
    const generation = await generationOf(broker(), group)
    kafka.hold()
    await systemClock.sleep(sessionMs * 1.5)
    kafka.release()
    await shared(scene.readers, workers)
    expect(await generationOf(broker(), group)).toBeGreaterThan(generation)
    expect(kafka.accepted).toBeGreaterThan(cuts)
    await scene.finish(load, 180_000)
    for (const worker of workers) expect(await worker.stop()).toMatchObject({ code: 0, outcome: { kind: 'done' } })
  })

  it('between workers and Cassandra: they go on, and keep their partitions (G1–G5)', { timeout }, async () => {
    const { scene, cassandra } = await open()
    const workers = [startWorker(scene.surroundings), startWorker(scene.surroundings)]
    const owners = await shared(scene.readers, workers)
    const generation = await generationOf(broker(), group)
    const load = await scene.startLoad({ seed: 'network to cassandra', rate })
    await load.reached(1_000)
    const before = cassandra.accepted
    await misbehave(cassandra, 'cassandra')
    expect(cassandra.accepted).toBeGreaterThan(before)
    await cassandra.refuse()
    const isPaused = () => workers.every(({ states }) => states.at(-1)?.state === 'paused')
    await until('both workers are paused', async () => workers.map(({ states }) => states.at(-1)), isPaused)
    await cassandra.accept()
    await caughtUp(scene.readers, 180_000)
    expect(await shared(scene.readers, workers)).toEqual(owners)
    expect(await generationOf(broker(), group)).toBe(generation)
    await scene.finish(load, 180_000)
    for (const worker of workers) expect(await worker.stop()).toMatchObject({ code: 0, outcome: { kind: 'done' } })
  })

  it('that is silent when a worker is told to stop: it ends in time', { timeout }, async () => {
    const { scene, kafka, cassandra } = await open()
    const load = await scene.startLoad({ seed: 'stopping', rate })
    for (const proxy of [kafka, cassandra]) {
      const worker = startWorker(scene.surroundings)
      await shared(scene.readers, [worker])
      await load.reached(load.sent().records + 1_000)
      await caughtUp(scene.readers)
      proxy.hold()
      const startedAt = systemClock.elapsed()
      const exit = await worker.stop()
      // Ten seconds to drain, and some to say goodbye.
      expect(systemClock.elapsed() - startedAt).toBeLessThan(20_000)
      expect(exit.signal).toBeNull()
      expect(['done', 'retry']).toContain(exit.outcome?.kind)
      proxy.release()
    }
    const last = startWorker(scene.surroundings)
    await scene.finish(load, 180_000)
    expect(await last.stop()).toMatchObject({ code: 0, outcome: { kind: 'done' } })
  })
})
