import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { parseRemote } from '../../../src/adapters/spark/connect/endpoint.ts'
import type { QueryEvent } from '../../../src/adapters/spark/connect/events.ts'
import type { Relation, StreamStart } from '../../../src/adapters/spark/connect/messages.ts'
import { openSession } from '../../../src/adapters/spark/connect/session.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { seededRandom } from '../../../src/adapters/system/seeded-random.ts'
import { everyRow, everyType } from '../../adapters/spark/connect/every-type.ts'
import { CuttingProxy, SparkServer } from './spark-server.ts'

// A busy machine takes half a minute for the first query of a server.
vi.setConfig({ testTimeout: 300_000 })
const pollMs = 240_000

const server = new SparkServer()

/** Ten rows a second: `timestamp` and `value`, which counts. */
const rate: Relation = {
  read: { data_source: { format: 'rate', options: { rowsPerSecond: '10' } }, is_streaming: true },
}

function select(input: Relation, expression: string): Relation {
  return { project: { input, expressions: [{ expression_string: { expression } }] } }
}

function stream(input: Relation, checkpoint: string, sink: Partial<StreamStart> = {}): StreamStart {
  const options = { checkpointLocation: join(server.directory, 'checkpoints', checkpoint) }
  return { input, format: 'noop', output_mode: 'append', options, ...sink }
}

/** A query that nobody waits for to end. */
const slow = 'SELECT sum(id % 7) FROM range(0, 1000000000000000, 1, 2)'

describe('a session', () => {
  it('gives rows of every type as they are in Spark', async () => {
    const session = await server.open()
    expect(await session.sql(everyType)).toEqual(everyRow)
    expect(await session.version()).toBe('4.2.0')
  })

  it('runs statements, and has settings and views of its own', async () => {
    const [one, other] = [await server.open(), await server.open()]
    await one.sql("CREATE TEMPORARY VIEW colours AS SELECT * FROM VALUES ('red') AS v(name)")
    expect(await one.sql('SELECT * FROM colours')).toEqual([{ name: 'red' }])
    await expect(other.sql('SELECT * FROM colours')).rejects.toMatchObject({ errorClass: 'TABLE_OR_VIEW_NOT_FOUND' })
    const setting = 'spark.sql.shuffle.partitions'
    await one.configure({ [setting]: '7' })
    expect(await one.settings([setting, 'spark.no.such'])).toEqual({ [setting]: '7', 'spark.no.such': null })
    expect(await other.settings([setting])).toEqual({ [setting]: '2' })
    await one.configure({ [setting]: null })
    expect(await one.settings([setting])).toEqual({ [setting]: '200' })
  })

  it('knows columns and plans of a query without running it', async () => {
    const session = await server.open()
    const relation: Relation = { sql: { query: "SELECT 1 AS id, raise_error('never run') AS name" } }
    const { struct } = await session.schema(relation)
    expect(struct?.fields.map(({ name, data_type }) => [name, data_type.kind])).toEqual([
      ['id', 'integer'],
      ['name', 'null'],
    ])
    expect(await session.explain(relation)).toContain('Physical Plan')
  })

  it.each([
    ['SELEC', 'PARSE_SYNTAX_ERROR', '42601'],
    ['SELECT * FROM nowhere', 'TABLE_OR_VIEW_NOT_FOUND', '42P01'],
    ['SELECT 1 / 0', 'DIVIDE_BY_ZERO', '22012'],
    ["SELECT CAST('x' AS INT)", 'CAST_INVALID_INPUT', '22018'],
    ["SELECT raise_error('no')", 'USER_RAISED_EXCEPTION', 'P0001'],
  ])('refuses %s with class and state', async (query, errorClass, sqlState) => {
    const session = await server.open()
    await expect(session.sql(query)).rejects.toMatchObject({
      ...{ name: 'SparkError', code: 'PROCESSOR_REFUSED', retry: 'never', outcome: 'failed' },
      ...{ errorClass, sqlState, place: server.engine.address.replace('sc://', '') },
    })
  })

  it('tells the whole message, however long', async () => {
    const session = await server.open()
    const text = 'x'.repeat(20_000)
    await expect(session.sql(`SELECT raise_error('${text}')`)).rejects.toMatchObject({
      message: expect.stringContaining(text),
    })
  })

  it('takes nobody without the token', async () => {
    const options = { clock: systemClock, random: seededRandom('spark') }
    const { host, port } = server.endpoint()
    const opening = openSession(parseRemote(`sc://${host}:${port}/;token=guessed`), options)
    await expect(opening).rejects.toMatchObject({ code: 'PROCESSOR_REFUSED', status: 'UNAUTHENTICATED' })
  })

  it('that was released can never be used again', async () => {
    const session = await server.open()
    await session.release()
    await expect(server.open({ sessionId: session.id })).rejects.toMatchObject({
      code: 'PROCESSOR_SESSION_LOST',
      retry: 'now',
      errorClass: 'INVALID_HANDLE.SESSION_CLOSED',
    })
    await expect(session.sql('SELECT 1')).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
  })

  it('keeps an artifact of many chunks as it was sent', async () => {
    const session = await server.open()
    const data = Uint8Array.from({ length: 1024 * 1024 + 1 }, (_, i) => (i * 7) % 256)
    const jar = { name: 'jars/some.jar', data }
    await session.upload([{ name: 'files/small.txt', data: Buffer.from('small') }, jar])
    // The same again is fine; another of the same name is told by comparing it with what is there.
    await session.upload([jar])
    const other = { ...jar, data: data.with(data.length - 1, 1) }
    await expect(session.upload([other])).rejects.toMatchObject({ errorClass: 'ARTIFACT_ALREADY_EXISTS' })
  })
})

describe('a query that runs', () => {
  it('gives each row once, in order, although its connection is cut again and again', async () => {
    const proxy = await CuttingProxy.before(server.engine.ports.client, 3_000_000)
    const session = await server.open({ port: proxy.port })
    const rows = 200_000
    const relation = await session.relationOf(`SELECT id, repeat('x', 100) AS text FROM range(0, ${rows}, 1, 1)`)
    let next = 0n
    for await (const { id } of session.rows(relation)) {
      if (id !== next) expect(id).toBe(next)
      next++
    }
    expect(next).toBe(BigInt(rows))
    expect(proxy.cuts).toBeGreaterThan(3)
  })

  it('ends on the server when its reader aborts', async () => {
    const session = await server.open()
    const abort = new AbortController()
    const failure = session.sql(slow, { signal: abort.signal }).catch(thrown => thrown)
    await expect.poll(() => countJobs(session), { timeout: pollMs }).toBeGreaterThan(0)
    abort.abort(new Error('enough'))
    expect(await failure).toMatchObject({ message: 'enough' })
    await expect.poll(() => countJobs(session), { timeout: pollMs }).toBe(0)
  })

  it('is interrupted by its tag', async () => {
    const session = await server.open()
    const failure = session.sql(slow, { tags: ['slow'] }).catch(thrown => thrown)
    // What is interrupted before it runs, Spark may run all the same.
    await expect.poll(() => countJobs(session), { timeout: pollMs }).toBeGreaterThan(0)
    expect(await session.interrupt({ tag: 'slow' })).toHaveLength(1)
    expect(await failure).toMatchObject({ code: 'QUERY_CANCELLED', errorClass: 'OPERATION_CANCELED' })
  })
})

/** How many of Spark's own jobs run in a session, by its web page's programming interface. */
async function countJobs({ id }: { readonly id: string }): Promise<number> {
  const base = `http://127.0.0.1:${server.engine.ports.ui}/api/v1/applications`
  const [application] = (await (await fetch(base)).json()) as { id: string }[]
  const jobs = (await (await fetch(`${base}/${application!.id}/jobs?status=running`)).json()) as {
    jobTags?: string[]
  }[]
  return jobs.filter(({ jobTags = [] }) => jobTags.some(tag => tag.includes(id))).length
}

describe('a streaming query', () => {
  it('tells its progress, keeps its rows, and stops', async () => {
    const session = await server.open()
    const events: QueryEvent[] = []
    const listening = Promise.withResolvers<void>()
    const abort = new AbortController()
    const reading = (async () => {
      const { signal } = abort
      for await (const event of session.queries.listen({ signal, onListening: listening.resolve })) events.push(event)
    })().catch(thrown => thrown)
    await listening.promise
    const sink = { format: 'memory', query_name: 'kept' }
    const query = await session.queries.start(stream(rate, 'kept', sink))
    const ofKind = (kind: QueryEvent['kind']) => events.filter(each => each.kind === kind && each.runId === query.runId)
    await expect.poll(() => ofKind('progress').length, { timeout: pollMs }).toBeGreaterThan(2)

    expect(await query.status()).toMatchObject({ isActive: true })
    expect((await session.queries.active()).map(({ id }) => id)).toEqual([query.id])
    expect(await session.queries.get(query.id)).toMatchObject({ id: query.id, runId: query.runId, name: 'kept' })
    expect(await query.lastProgress()).toMatchObject({ id: query.id, runId: query.runId, name: 'kept' })
    expect((await query.recentProgress())[0]).toMatchObject({ id: query.id, batchId: 0, name: 'kept' })
    expect(await query.explain()).toContain('Physical Plan')
    expect(await query.exception()).toBeNull()

    await query.stop()
    await query.terminated()
    await expect.poll(() => ofKind('terminated'), { timeout: pollMs }).toMatchObject([{ failure: null }])
    expect(await query.status()).toMatchObject({ isActive: false })
    expect(await session.queries.active()).toEqual([])
    const told = events.reduce((sum, event) => sum + (event.kind === 'progress' ? event.progress.numInputRows : 0), 0)
    const [kept] = (await session.sql('SELECT count(*) AS rows, max(value) AS last FROM kept')) as [
      { rows: bigint; last: bigint },
    ]
    expect(kept.rows).toBe(kept.last + 1n)
    // The batch in which it was stopped may be kept and not told.
    expect(kept.rows).toBeGreaterThanOrEqual(BigInt(told))
    abort.abort(new Error('enough'))
    expect(await reading).toMatchObject({ message: 'enough' })
  })

  it('that fails says what failed in it, wherever it is asked', async () => {
    const session = await server.open()
    const query = await session.queries.start(stream(select(rate, '1 / (value - value) AS bad'), 'bad'))
    const expected = { code: 'PROCESSOR_REFUSED', errorClass: 'DIVIDE_BY_ZERO', sqlState: '22012' }
    await expect(query.terminated()).rejects.toMatchObject(expected)
    expect(await query.exception()).toMatchObject(expected)
  })

  it('is refused a second listener', async () => {
    const session = await server.open()
    const listening = Promise.withResolvers<void>()
    const first = session.queries.listen({ onListening: listening.resolve })
    const ended = first.next().catch(() => {})
    await listening.promise
    await expect(session.queries.listen().next()).rejects.toMatchObject({ code: 'PROCESSOR_REFUSED' })
    await session.close()
    await ended
  })

  it('goes on without a client, and is found by the next one in its session', async () => {
    const first = await server.open()
    const { id, runId } = await first.queries.start(stream(rate, 'alone'))
    await first.close()
    const second = await server.open({ sessionId: first.id })
    const query = await second.queries.get(id)
    expect(query).toMatchObject({ id, runId })
    await query!.stop()
  })
})

describe('a server that is killed', () => {
  it('is an error that says to try later; once it is back, the session is lost, and a new one continues the query', async () => {
    const session = await server.open({ retryMs: 2_000 })
    const query = await session.queries.start(stream(rate, 'continued'))
    const running = session.sql(slow).catch(thrown => thrown)
    await server.engine.kill()
    expect(await running).toMatchObject({ code: 'PROCESSOR_UNREACHABLE', retry: 'later', outcome: 'unknown' })
    await expect(query.status()).rejects.toMatchObject({ code: 'PROCESSOR_UNREACHABLE' })

    await server.engine.start()
    await expect(query.status()).rejects.toMatchObject({ code: 'PROCESSOR_SESSION_LOST', retry: 'now' })
    expect(session.lost).toMatchObject({ code: 'PROCESSOR_SESSION_LOST' })
    const next = await server.open()
    const again = await next.queries.start(stream(rate, 'continued'))
    expect(again.id).toBe(query.id)
    expect(again.runId).not.toBe(query.runId)
    await again.stop()
  })
})
