import { beforeAll, describe, expect, it } from 'vitest'
import type { QueryProgress } from '../../../src/adapters/spark/connect/progress.ts'
import type { Session } from '../../../src/adapters/spark/connect/session.ts'
import type { SparkConfig } from '../../../src/sdk/targets/spark.ts'
import { enginesOfThisFile } from '../faults/fault-engines.ts'
import {
  partitions,
  runMillrace,
  type Surroundings,
  stage,
  startDev,
  startWorker,
  tryMillrace,
  until,
} from '../faults/workers.ts'
import { buildSink } from './build-sink.ts'
import { inState, openSparkScene, recordOf } from './spark-scene.ts'
import { SparkServer } from './spark-server.ts'

const timeout = 300_000

const engines = enginesOfThisFile()
/** With as many places for tasks as the topic has partitions, as real-time mode needs it. */
const server = new SparkServer({ 'spark.master': `local[${partitions}]` })
const smallServer = new SparkServer({ 'spark.master': 'local[2]' })
const open = (config: Partial<SparkConfig>) => openSparkScene(engines(), server, config)

beforeAll(async () => void (await buildSink()), 600_000)

/** The session that the stage's query runs in. */
function sessionOf(surroundings: Surroundings): Promise<Session> {
  return server.open({ sessionId: recordOf(surroundings).session })
}

/** What Spark says of the query's batches that had records, oldest first. */
async function batchesOf(surroundings: Surroundings, session: Session): Promise<readonly QueryProgress[]> {
  const { id, runId } = recordOf(surroundings).query!
  const all = await session.queries.known(id, runId).recentProgress()
  return all.filter(({ numInputRows }) => numInputRows > 0)
}

function untilBatches(surroundings: Surroundings, session: Session, count: number): Promise<readonly QueryProgress[]> {
  const look = () => batchesOf(surroundings, session)
  return until(`there are ${count} batches`, look, batches => batches.length >= count, 120_000)
}

function withProcessor(surroundings: Surroundings, config: Partial<SparkConfig>): Surroundings {
  const { target } = surroundings
  return { ...surroundings, target: { ...target, processor: { ...(target.processor as SparkConfig), ...config } } }
}

describe('a trigger that the target declares for Spark', () => {
  it('by time begins a batch so often, also in `millrace dev`', { timeout }, async () => {
    const scene = await open({ trigger: '5s' })
    const { surroundings } = scene
    const stop = startDev(surroundings, '--pace', '100/s')
    const batches = await untilBatches(surroundings, await sessionOf(surroundings), 4)
    // The first one begins at once, the others with each 5 s of the clock.
    const [second, ...others] = batches.slice(1).map(({ timestamp }) => Date.parse(timestamp))
    expect(others.at(-1)! - second!).toBeGreaterThan(5_000 * others.length - 2_500)
    expect(await stop()).toBe(0)
    expect((await scene.readers.rows()).size).toBeGreaterThan(300)
  })

  it('available-now ends the query, and `millrace run`, when all that was there is done', { timeout }, async () => {
    const scene = await open({ trigger: 'available-now' })
    const { surroundings } = scene
    const load = await scene.startLoad({ seed: 'available', rate: null, limit: 3_000 })
    await load.reached(3_000)
    const worker = startWorker(surroundings)
    expect(await worker.exited).toMatchObject({ code: 0, outcome: { kind: 'done', result: { records: 3_000 } } })
    expect(worker.states.map(({ state }) => state)).toEqual(['starting', 'running', 'stopped'])
    await scene.finish(load)
    // It runs for what has come since, whenever it is applied.
    const [line = ''] = await runMillrace(surroundings, 'apply', 'users')
    expect(JSON.parse(line)).toMatchObject({
      pipelines: [{ steps: expect.arrayContaining([expect.objectContaining({ kind: 'stage', action: 'create' })]) }],
    })
  })

  it('real-time writes rows within its batches, which are the time between commits', { timeout }, async () => {
    const scene = await open({ trigger: { realTime: '5s' } })
    const { surroundings } = scene
    const worker = startWorker(surroundings)
    await inState(worker, 'running')
    const load = await scene.startLoad({ seed: 'real-time', rate: 200 })
    const batches = await untilBatches(surroundings, await sessionOf(surroundings), 3)
    for (const { batchDuration } of batches) expect(batchDuration).toBeGreaterThan(4_500)
    await until(
      'progress is told',
      async () => worker.rows(),
      rows => rows > 0,
    )
    await scene.finish(load)
    expect(await worker.stop()).toMatchObject({ code: 0 })
  })

  it('real-time is refused where partitions would be left unread, and what runs goes on', { timeout }, async () => {
    const scene = await openSparkScene(engines(), smallServer)
    const { surroundings } = scene
    const before = recordOf(surroundings)
    const { code, lines } = await tryMillrace(
      withProcessor(surroundings, { trigger: { realTime: '5s' } }),
      ...['apply', 'users'],
    )
    expect(code).toBe(1)
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({
      error: {
        code: 'CONFIG_INVALID',
        place: 'spark › trigger',
        message: expect.stringMatching(/the 4 partitions of users_created .* places for 2 tasks/),
      },
    })
    expect(recordOf(surroundings)).toEqual(before)
    const session = await smallServer.open({ sessionId: before.session })
    expect((await session.queries.active()).map(({ name }) => name)).toEqual([stage])
  })
})

describe('settings that the target declares for Spark', () => {
  it('reach the query and its session', { timeout }, async () => {
    const conf = { 'spark.sql.streaming.numRecentProgressUpdates': '7' }
    const scene = await open({ maxOffsetsPerTrigger: 40, shufflePartitions: 3, conf })
    const { surroundings } = scene
    const session = await sessionOf(surroundings)
    const load = await scene.startLoad({ seed: 'settings', rate: null, limit: 600 })
    await scene.finish(load)
    const batches = await batchesOf(surroundings, session)
    expect(batches.length).toBeGreaterThan(0)
    expect(batches.length).toBeLessThanOrEqual(7)
    for (const { numInputRows } of batches) expect(numInputRows).toBeLessThanOrEqual(40)
    const expected = { ...conf, 'spark.sql.shuffle.partitions': '3' }
    expect(await session.settings(Object.keys(expected))).toEqual(expected)
  })
})
