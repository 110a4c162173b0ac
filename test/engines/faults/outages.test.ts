import { Producer } from '@platformatic/kafka'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSimulator } from '../../../src/adapters/http/simulator.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import type { KafkaLimits } from '../../../src/sdk/targets/kafka.ts'
import { recordingProxy } from '../../faults/recording-proxy.ts'
import { enginesOfThisFile, targetOn } from './fault-engines.ts'
import { generationOf } from './generation.ts'
import { newerUsers } from './newer-users.ts'
import { openScene, type Scene } from './scene.ts'
import { sentRecord } from './sent-record.ts'
import {
  caughtUp,
  group,
  partitions,
  shared,
  startRun,
  startWorker,
  topic,
  until,
  type Worker,
  type WorkerState,
} from './workers.ts'

const timeout = 900_000
/** Records a second: enough to be in the middle of something at any moment, whatever else the machine does. */
const rate = 200
const outageMs = 60_000

/** Resolves when a worker says that it is paused with such a code, said after its first `after` states. */
async function paused(worker: Worker, code: RegExp, after = 0): Promise<WorkerState> {
  const find = () => worker.states.slice(after).find(({ state, error }) => state === 'paused' && code.test(error!.code))
  await until(
    `worker ${worker.pid} is paused`,
    async () => worker.states.slice(after),
    () => find() !== undefined,
    90_000,
  )
  return find()!
}

async function running(worker: Worker): Promise<void> {
  await until(
    `worker ${worker.pid} runs`,
    async () => worker.states,
    states => states.at(-1)?.state === 'running',
  )
}

async function stopAll(workers: readonly Worker[]): Promise<void> {
  for (const exit of await Promise.all(workers.map(worker => worker.stop()))) {
    expect(exit).toMatchObject({ code: 0, outcome: { kind: 'done' } })
  }
}

describe('outages under the users pipeline on Kafka, a registry and Cassandra', () => {
  const engines = enginesOfThisFile()
  const open = (limits: KafkaLimits = {}): Promise<Scene> => openScene(targetOn(engines(), limits))

  it('Kafka stopped and killed, twice each: the stage waits and goes on (G1–G5, G7)', { timeout }, async () => {
    const { kafka } = engines()
    // Shorter than the outages, so that the broker also gives up appends in the middle of which it was stopped.
    const scene = await open({ transaction: '2s' })
    const workers = [startWorker(scene.surroundings), startWorker(scene.surroundings)]
    await shared(scene.readers, workers)
    const load = await scene.startLoad({ seed: 'kafka', rate })
    for (const end of ['stop', 'kill', 'stop', 'kill'] as const) {
      await load.reached(load.sent().records + 1_000)
      const said = workers[0]!.states.length
      await kafka[end]()
      // An outage that the stage shows, and one that is over before it has to.
      if (end === 'stop') await paused(workers[0]!, /^LOG_/, said)
      await kafka.start()
      await load.reached(load.sent().records + 500)
      await caughtUp(scene.readers, 120_000)
    }
    await scene.finish(load, 120_000)
    await stopAll(workers)
  })

  it('Kafka stopped and killed under an ingest run: every page is appended once (G1, G4)', { timeout }, async () => {
    const { kafka } = engines()
    const scene = await open()
    const simulator = await startSimulator({})
    onTestFinished(() => simulator.close())
    const api = await recordingProxy(simulator.url)
    const env = { RANDOM_USER_URL: api.url }
    const date = ['--logical-date', '2026-03-01T00:00:00.000Z']
    const surroundings = { ...scene.surroundings, env }
    const first = startRun(surroundings, 'users/user_automation', ...date, '--duration', '1h')
    const another = async () => {
      const pages = api.pages.size
      await until(
        'a further page',
        async () => api.pages.size,
        size => size > pages + 1,
      )
    }
    await another()
    for (const end of ['stop', 'kill', 'stop', 'kill'] as const) {
      await kafka[end]()
      await kafka.start()
      await another()
    }
    expect((await first.stop()).code).toBe(143)
    const second = startRun(surroundings, 'users/user_automation', ...date, '--attempt', '2', '--duration', '1s')
    const last = (await second.exited) as { code: number; outcome: { result: { pages: number; finished: boolean } } }
    expect(last).toMatchObject({ code: 0, outcome: { kind: 'done', result: { finished: true } } })
    const { pages } = last.outcome.result
    const read = Array.from({ length: partitions }, (_, partition) => scene.readers.read(topic, partition, 0))
    const keys = (await Promise.all(read)).flatMap(({ records }) => records.map(({ key }) => String(key)))
    const asked = [...api.pages].filter(([page]) => page <= pages)
    const users = asked.flatMap(([, page]) => page) as { readonly login: { readonly uuid: string } }[]
    expect(keys.sort()).toEqual(users.map(({ login }) => login.uuid).sort())
    expect(pages).toBeGreaterThan(8)
    expect(api.changed).toEqual([])
  })

  it('Cassandra silent for a minute, stopped, and killed: the stage waits and keeps its partitions', {
    timeout,
  }, async () => {
    const { kafka, cassandra } = engines()
    const scene = await open()
    const workers = [startWorker(scene.surroundings), startWorker(scene.surroundings)]
    const owners = await shared(scene.readers, workers)
    const generation = await generationOf(kafka.address, group)
    const load = await scene.startLoad({ seed: 'cassandra', rate })
    await load.reached(2_000)
    const outage = async (begin: () => unknown, end: () => unknown, lastMs: number) => {
      const said = workers.map(({ states }) => states.length)
      const startedAt = systemClock.elapsed()
      await begin()
      const reasons = await Promise.all(workers.map((worker, index) => paused(worker, /^DATABASE_/, said[index])))
      for (const { error } of reasons) {
        expect(error!.message).toMatch(/^Cassandra: (?!All host)/)
        expect(error!.fix).toBeTruthy()
      }
      await systemClock.sleep(Math.max(0, lastMs - (systemClock.elapsed() - startedAt)))
      await end()
      await caughtUp(scene.readers, 180_000)
      await Promise.all(workers.map(running))
      expect(await shared(scene.readers, workers)).toEqual(owners)
      expect(await generationOf(kafka.address, group)).toBe(generation)
    }
    await outage(
      () => cassandra.signal('SIGSTOP'),
      () => cassandra.signal('SIGCONT'),
      outageMs,
    )
    await outage(
      () => cassandra.stop(),
      () => cassandra.start(),
      0,
    )
    await outage(
      () => cassandra.kill(),
      () => cassandra.start(),
      0,
    )
    await scene.finish(load, 180_000)
    await stopAll(workers)
  })

  it('the registry down at the start, with known schemas, and with an unknown one', { timeout }, async () => {
    const { kafka, registry } = engines()
    const scene = await open()
    const load = await scene.startLoad({ seed: 'registry', rate })
    // It has asked the registry for its schema.
    await load.reached(1)
    const newer = await newerUsers(registry.address, topic)
    const schemaId = await newer.register()
    await registry.stop()
    const worker = startWorker(scene.surroundings)
    const waiting = await paused(worker, /^REGISTRY_UNREACHABLE$/)
    expect(waiting.error).toMatchObject({ message: expect.stringContaining('registry'), fix: expect.any(String) })
    // Its partitions may be marked as its own, where the topic begins.
    const committed = await scene.readers.committed(group, topic)
    expect([...committed.values()].filter(next => next > 0)).toEqual([])
    await registry.start()
    await shared(scene.readers, [worker])
    await load.reached(2_000)
    await caughtUp(scene.readers)

    await registry.kill()
    const said = worker.states.length
    await scene.finish(load)
    expect(worker.states.length).toBe(said)

    const letters = (await scene.letters()).length
    const generation = await generationOf(kafka.address, group)
    const user = sentRecord('newer', 0, { badEvery: 0, deleteEvery: 0 }).user!
    const producer = new Producer({ clientId: 'newer', bootstrapBrokers: [kafka.address], acks: -1 })
    onTestFinished(() => producer.close())
    await producer.send({ messages: [{ topic, key: Buffer.from(user.id!), value: newer.encode(schemaId, user) }] })
    await paused(worker, /^REGISTRY_UNREACHABLE$/, said)
    expect((await scene.letters()).length).toBe(letters)
    await registry.start()
    await caughtUp(scene.readers)
    expect((await scene.readers.rowsOf([user.id!])).get(user.id!)?.values).toMatchObject(user)
    expect((await scene.letters()).length).toBe(letters)
    expect(await generationOf(kafka.address, group)).toBe(generation)
    await stopAll([worker])
  })
})
