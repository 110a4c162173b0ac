import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { toDeadLetterRecord } from '../../src/engine/dead-letters.ts'
import { Replay, type ReplayStage } from '../../src/engine/replay.ts'
import type { MapFunction } from '../../src/engine/transform.ts'
import { gt, http, pipeline, t, table, topic } from '../../src/index.ts'
import { topicSettings } from '../../src/plan/topic-settings.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import { Harness } from './harness.ts'

const reading = t.record('Reading', { id: t.text(), value: t.int() })
const readings = topic('readings', { key: 'id', value: reading, partitions: 2 })
const latest = table('plant.latest', { row: reading, primaryKey: ['id'] })
const source = http({ url: 'http://localhost/', schema: reading })

const plant = pipeline('plant')
  .ingest('collect', { schedule: null, from: source, into: readings, where: r => gt(r.value, 0) })
  .stream('keep', { from: readings, into: latest, map: record => record })

const passing: MapFunction = record => record
const failing: MapFunction = () => {
  throw new Error('not today')
}

const row = (id: string, value: number) => ({ id, value })

async function produce(harness: Harness, ...rows: readonly { id: string; value: number }[]): Promise<void> {
  await harness.produce(
    await Promise.all(rows.map(async each => ({ key: each.id, value: await harness.encode(each) }))),
  )
}

/** A record of the source that failed, as an ingest run leaves it. */
async function failIngest(harness: Harness, bytes: string): Promise<string> {
  const origin = {
    kind: 'source',
    runId: 'manual__1',
    logicalDate: '2026-01-01T00:00:00Z',
    cursor: '',
    index: 0,
  } as const
  const error = new MillraceError('RECORD_INVALID', 'It did not match then.')
  const failed = { origin, error, key: null, value: Buffer.from(bytes), headers: null }
  const record = toDeadLetterRecord(harness.topic.deadLetterTopic, 'plant/collect', failed)
  const producer = await harness.ports.log.producer('collect')
  await producer.append([record])
  await producer.close()
  return Buffer.from(record.key!).toString()
}

async function openReplay(harness: Harness, map: MapFunction = passing): Promise<Replay> {
  const findStage = (address: string): ReplayStage => {
    const { ingest, stream, table, topic } = harness
    if (address === 'plant/collect') return { kind: 'ingest', declaration: { stage: ingest, topic, map: null } }
    return { kind: 'stream', declaration: { stage: stream, topic, table, map } }
  }
  const deadLetterTopic = harness.topic.deadLetterTopic
  const replay = await Replay.open({ deadLetterTopic, ...harness.ports, clock: systemClock, findStage })
  onTestFinished(() => replay.close())
  return replay
}

const onlyId = (replay: Replay) => [...replay.letters.open.keys()][0]!

describe('replaying a dead letter of a topic', () => {
  it('brings its row, once, however often it is replayed (G5)', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, row('a', 1))
    await harness.runStream({ map: failing })
    const replay = await openReplay(harness)
    const id = onlyId(replay)
    expect(await replay.replay(id)).toEqual({ kind: 'replayed', into: 'readings' })
    expect(await replay.replay(id)).toEqual({ kind: 'replayed-before' })
    const again = await openReplay(harness)
    expect(again.letters.open.size).toBe(0)
    expect(await again.replay(id)).toEqual({ kind: 'replayed-before' })
    expect(await harness.records()).toHaveLength(2)
    await harness.runStream({ map: passing })
    expect(await harness.rows()).toEqual([row('a', 1)])
  })

  it('does not overwrite what came after it (G2)', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, row('a', 1))
    await harness.runStream({ map: failing })
    await produce(harness, row('a', 2))
    await harness.runStream({ map: passing })
    const replay = await openReplay(harness)
    await replay.replay(onlyId(replay))
    await harness.runStream({ map: passing })
    expect(await harness.rows()).toEqual([row('a', 2)])
  })

  it('that would fail again says why and changes nothing', async () => {
    const harness = await Harness.open(plant)
    await harness.produce([{ key: 'a', value: Buffer.from('not Avro') }])
    await harness.runStream({ map: passing })
    const replay = await openReplay(harness)
    expect(await replay.replay(onlyId(replay))).toMatchObject({
      kind: 'failing',
      error: { code: 'RECORD_UNDECODABLE' },
    })
    expect(await harness.records()).toHaveLength(1)
    expect((await openReplay(harness)).letters.open.size).toBe(1)
  })

  it('that its topic no longer takes says so and changes nothing', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, row('a'.repeat(1_000), 1), row('b', 2))
    await harness.runStream({ map: failing })
    await harness.ports.log.admin.alterTopic({ ...topicSettings(harness.topic), maxRecordBytes: 100 })
    const replay = await openReplay(harness)
    const outcomes = []
    for (const id of replay.letters.open.keys()) outcomes.push(await replay.replay(id))
    expect(outcomes).toContainEqual({ kind: 'replayed', into: 'readings' })
    expect(outcomes).toContainEqual({ kind: 'failing', error: expect.objectContaining({ code: 'RECORD_TOO_LARGE' }) })
    expect((await openReplay(harness)).letters.open.size).toBe(1)
  })

  it('that fails after its replay is a new dead letter, with the version it had', async () => {
    const harness = await Harness.open(plant)
    await produce(harness, row('a', 1))
    await harness.runStream({ map: failing })
    const replay = await openReplay(harness)
    await replay.replay(onlyId(replay))
    await harness.runStream({ map: failing })
    const [first, , second] = await harness.records(harness.topic.deadLetterTopic)
    const version = (record: typeof first) =>
      JSON.parse(Buffer.from(record!.headers!['millrace.origin']!).toString()).version
    expect(version(second)).toBe(version(first))
    expect((await openReplay(harness)).letters.open.size).toBe(1)
  })
})

describe('replaying a dead letter of a source', () => {
  it('checks, selects and encodes the bytes again', async () => {
    const harness = await Harness.open(plant)
    const id = await failIngest(harness, '{"id":"a","value":1,"more":true}')
    expect(await (await openReplay(harness)).replay(id)).toEqual({ kind: 'replayed', into: 'readings' })
    await harness.runStream({ map: passing })
    expect(await harness.rows()).toEqual([row('a', 1)])
  })

  it('does not overwrite what came after it (G2)', async () => {
    const harness = await Harness.open(plant)
    const id = await failIngest(harness, '{"id":"a","value":1}')
    await produce(harness, row('a', 2))
    await (await openReplay(harness)).replay(id)
    await harness.runStream({ map: passing })
    expect(await harness.rows()).toEqual([row('a', 2)])
  })

  it.each([
    ['{"id":"a","value":"many"}', /value: expected/],
    ['{"id":', /not JSON/],
    ['', /not JSON/],
  ])('leaves %j a dead letter, and says why', async (bytes, reason) => {
    const harness = await Harness.open(plant)
    const id = await failIngest(harness, bytes)
    const outcome = await (await openReplay(harness)).replay(id)
    expect(outcome).toMatchObject({ kind: 'failing', error: { message: expect.stringMatching(reason) } })
    expect(await harness.records()).toEqual([])
    expect((await openReplay(harness)).letters.open.has(id)).toBe(true)
  })

  it('settles one that the stage leaves out now', async () => {
    const harness = await Harness.open(plant)
    const id = await failIngest(harness, '{"id":"a","value":0}')
    expect(await (await openReplay(harness)).replay(id)).toEqual({ kind: 'replayed', into: null })
    expect((await openReplay(harness)).letters.open.size).toBe(0)
  })

  it('opens it again if the run, repeated, fails at it again', async () => {
    const harness = await Harness.open(plant)
    const id = await failIngest(harness, '{"id":"a","value":0}')
    await (await openReplay(harness)).replay(id)
    await failIngest(harness, '{"id":"a","value":0}')
    expect([...(await openReplay(harness)).letters.open.keys()]).toEqual([id])
  })
})

describe('two replays at once', () => {
  it('cannot both replay a letter: the later one fences the earlier', async () => {
    const harness = await Harness.open(plant)
    const id = await failIngest(harness, '{"id":"a","value":1}')
    const earlier = await openReplay(harness)
    const later = await openReplay(harness)
    await expect(earlier.replay(id)).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    expect(await later.replay(id)).toMatchObject({ kind: 'replayed' })
    expect(await harness.records()).toHaveLength(1)
  })

  it('refuses an id that is not there', async () => {
    const replay = await openReplay(await Harness.open(plant))
    await expect(replay.replay('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
