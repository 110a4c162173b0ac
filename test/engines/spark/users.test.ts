import { Producer } from '@platformatic/kafka'
import { beforeAll, describe, expect, it } from 'vitest'
import { openSession } from '../../../src/adapters/spark/connect/session.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import type { SparkConfig } from '../../../src/sdk/targets/spark.ts'
import { enginesOfThisFile, targetOn } from '../faults/fault-engines.ts'
import { newerUsers } from '../faults/newer-users.ts'
import { type SentUser, sentRecord } from '../faults/sent-record.ts'
import {
  caughtUp,
  runMillrace,
  type Surroundings,
  stage,
  startWorker,
  topic,
  tryMillrace,
  until,
} from '../faults/workers.ts'
import { buildSink } from './build-sink.ts'
import { inState, openSparkScene, recordOf } from './spark-scene.ts'
import { SparkServer } from './spark-server.ts'

const timeout = 300_000
const rate = 300

const engines = enginesOfThisFile()
const server = new SparkServer()
const open = () => openSparkScene(engines(), server)

beforeAll(async () => void (await buildSink()), 600_000)

interface StageStep {
  readonly action: string
  readonly details: readonly string[]
}

/** What a command says that becomes, or will become, of the stage. */
async function stageStep(surroundings: Surroundings, command: 'plan' | 'apply'): Promise<StageStep> {
  const [line = ''] = await runMillrace(surroundings, command, 'users')
  const { pipelines } = JSON.parse(line) as {
    pipelines: readonly { steps: readonly (StageStep & { kind: string })[] }[]
  }
  return pipelines[0]!.steps.find(({ kind }) => kind === 'stage')!
}

async function applied(surroundings: Surroundings): Promise<string> {
  return (await stageStep(surroundings, 'apply')).action
}

async function stopped(surroundings: Surroundings): Promise<boolean> {
  const [line = ''] = await runMillrace(surroundings, 'stop', stage)
  return (JSON.parse(line) as { readonly stopped: boolean }).stopped
}

/** Sends users that a newer program wrote. */
async function sendUsers(values: readonly { readonly user: SentUser; readonly value: Buffer }[]): Promise<void> {
  const producer = new Producer({ clientId: 'newer', bootstrapBrokers: [engines().kafka.address] })
  try {
    await producer.send({ messages: values.map(({ user, value }) => ({ topic, key: Buffer.from(user.id!), value })) })
  } finally {
    await producer.close()
  }
}

describe('the users pipeline with its stage on Spark', () => {
  it('goes on without a process of ours, and with whichever attaches to it (G1–G5)', { timeout }, async () => {
    const scene = await open()
    const { surroundings } = scene
    const load = await scene.startLoad({ seed: 'attach', rate })
    const started = recordOf(surroundings)
    expect(started).toMatchObject({ deployed: true, query: { id: expect.any(String) } })
    await load.reached(500)
    await scene.checkCommits()

    const killed = startWorker(surroundings)
    await inState(killed, 'running')
    await killed.kill()
    const attached = startWorker(surroundings)
    await inState(attached, 'running')
    // It is told of batches although the server still knows the listener of the one that was killed.
    await until(
      'progress is told',
      async () => attached.rows(),
      rows => rows > 0,
    )
    expect(await attached.stop()).toMatchObject({ code: 0, outcome: { kind: 'done' } })
    expect(recordOf(surroundings)).toEqual(started)

    expect(await applied(surroundings)).toBe('keep')
    expect(recordOf(surroundings)).toEqual(started)
    await scene.finish(load)
    expect(await stopped(surroundings)).toBe(true)
    expect(await stopped(surroundings)).toBe(false)
  })

  it('is restarted from the same checkpoint when what is declared has changed', { timeout }, async () => {
    const scene = await open()
    const { surroundings } = scene
    const load = await scene.startLoad({ seed: 'changed', rate })
    await load.reached(500)
    const before = recordOf(surroundings)
    const processor = { ...(surroundings.target.processor as SparkConfig), maxOffsetsPerTrigger: 50 }
    const changed = { ...surroundings, target: { ...surroundings.target, processor } }
    expect(await applied(changed)).toBe('change')
    const after = recordOf(surroundings)
    expect(after.query!.id).toBe(before.query!.id)
    expect(after.query!.runId).not.toBe(before.query!.runId)
    expect(after.session).not.toBe(before.session)
    await scene.finish(load)
  })

  it('waits for a server that was killed, and goes on from the checkpoint (G1–G5, G7)', { timeout }, async () => {
    const scene = await open()
    const { surroundings } = scene
    const worker = startWorker(surroundings)
    await inState(worker, 'running')
    const load = await scene.startLoad({ seed: 'killed', rate })
    await load.reached(1_000)
    const { query } = recordOf(surroundings)
    await server.engine.kill()
    const { error } = await inState(worker, 'paused')
    expect(error).toMatchObject({ code: 'PROCESSOR_UNREACHABLE', fix: expect.any(String) })
    await load.reached(load.sent().records + 500)
    const said = worker.states.length
    await server.engine.start()
    await inState(worker, 'running', said)
    expect(recordOf(surroundings).query!.id).toBe(query!.id)
    await scene.finish(load)
    expect(await worker.stop()).toMatchObject({ code: 0 })
  })

  it('goes on in a new session when its own has ended', { timeout }, async () => {
    const scene = await open()
    const { surroundings } = scene
    const load = await scene.startLoad({ seed: 'expired', rate })
    await load.reached(500)
    const before = recordOf(surroundings)
    const { session: sessionId } = before
    // As a server does with one that it has not heard of for long.
    await (await openSession(server.endpoint(), { clock: systemClock, random: systemRandom, sessionId })).release()
    expect(await applied(surroundings)).toBe('create')
    const after = recordOf(surroundings)
    expect(after.session).not.toBe(sessionId)
    expect(after.query!.id).toBe(before.query!.id)
    await scene.finish(load)
  })

  it('looks up schemas it meets, and makes dead letters only of those that the registry does not have', {
    timeout,
  }, async () => {
    const scene = await open()
    const { surroundings } = scene
    const worker = startWorker(surroundings)
    await inState(worker, 'running')
    const newer = await newerUsers(engines().registry.address, topic)
    const users = [1, 2, 3].map(sequence => sentRecord('newer', sequence * 4, { badEvery: 0, deleteEvery: 0 }).user!)
    const [known, unknown, later] = users as [SentUser, SentUser, SentUser]
    const id = await newer.register()
    await sendUsers([
      { user: known, value: newer.encode(id, known) },
      { user: unknown, value: newer.encode(2 ** 31 - 7, unknown) },
      { user: later, value: newer.encode(id, later) },
    ])
    await caughtUp(scene.readers)
    const rows = await scene.readers.rowsOf(users.map(user => user.id!))
    expect([...rows.keys()].sort()).toEqual([known.id, later.id].sort())
    const letters = await scene.letters()
    expect(letters.map(({ headers }) => String(headers.get('millrace.code')))).toEqual(['RECORD_UNDECODABLE'])
    expect(worker.states.every(({ state }) => state !== 'failed')).toBe(true)
    expect(await worker.stop()).toMatchObject({ code: 0 })
  })

  it('says why it ended while nobody was attached, and goes on when it is applied', { timeout }, async () => {
    const scene = await open()
    const { surroundings } = scene
    const newer = await newerUsers(engines().registry.address, topic, 'pseudonym')
    const users = [1, 2].map(sequence => sentRecord('unattended', sequence * 4, { badEvery: 0, deleteEvery: 0 }).user!)
    const [unknown, known] = users as [SentUser, SentUser]
    await sendUsers([{ user: unknown, value: newer.encode(2 ** 31 - 7, unknown) }])
    const planned = await until(
      'the plan says that the stage is to be started',
      () => stageStep(surroundings, 'plan'),
      ({ action }) => action === 'create',
      120_000,
    )
    const reason = expect.stringMatching(/^had failed with SCHEMA_UNKNOWN: There are records of schema 2147483641\b/)
    expect(planned.details).toEqual([reason, 'goes on by itself'])
    expect(await stageStep(surroundings, 'apply')).toMatchObject({ action: 'create', details: planned.details })

    await sendUsers([{ user: known, value: newer.encode(await newer.register(), known) }])
    await until(
      'the query has met the other schema too',
      () => stageStep(surroundings, 'plan'),
      ({ action }) => action === 'create',
      120_000,
    )
    expect(await applied(surroundings)).toBe('create')
    await caughtUp(scene.readers)
    expect([...(await scene.readers.rows()).keys()]).toEqual([known.id])
    expect(await scene.letters()).toHaveLength(1)
    expect(await stageStep(surroundings, 'plan')).toEqual(expect.objectContaining({ action: 'keep', details: [] }))

    // Stopping it is the other way to be done with it.
    expect(await stopped(surroundings)).toBe(true)
    expect((await stageStep(surroundings, 'plan')).details).toEqual(['goes on by itself'])
  })

  it('belongs to Node or to Spark, and moves from one to the other with nothing lost', { timeout }, async () => {
    const scene = await open()
    const { surroundings } = scene
    const onNode = { ...surroundings, target: targetOn(engines()) }
    const load = await scene.startLoad({ seed: 'moved', rate })
    await load.reached(1_000)
    expect(await stopped(surroundings)).toBe(true)
    const first = recordOf(surroundings)

    const worker = startWorker(onNode)
    await inState(worker, 'running')
    const refused = await tryMillrace(surroundings, 'apply', 'users')
    expect(refused.code).toBe(1)
    expect(JSON.parse(refused.lines.at(-1)!)).toMatchObject({ error: { code: 'RUN_STATE' } })
    await load.reached(load.sent().records + 1_000)
    await scene.checkCommits()
    expect(await worker.stop()).toMatchObject({ code: 0 })

    expect(await applied(surroundings)).toBe('create')
    await scene.finish(load)
    // A checkpoint of its own, since Node has moved the group since.
    expect(first.query).toBeNull()
    expect(await stopped(surroundings)).toBe(true)
  })
})
