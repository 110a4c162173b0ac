import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { type IngestOptions, type IngestResult, runIngest } from '../../src/engine/ingest.ts'
import { http, lower, pipeline, t, table, topic } from '../../src/index.ts'
import type { Log, Producer } from '../../src/ports/log.ts'
import type { SourcePage, SourceRecord } from '../../src/ports/source.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import type { Pipeline } from '../../src/sdk/pipeline.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { virtualClock } from '../../src/testing/virtual-clock.ts'
import { Harness, overriding } from './harness.ts'

const visitor = t.record('Visitor', { id: t.text(), mail: t.text(), age: t.optional(t.int()) })
const visit = t.record('Visit', { id: t.text(), mail: t.text(), age: t.optional(t.int()) })
const visits = topic('visits', { key: 'id', value: visit, partitions: 1, maxRecordBytes: '4 KiB' })
const visitors = table('site.visitors', { row: visit, primaryKey: ['id'] })
const source = http({ url: 'http://localhost/', schema: visitor })

const site = declare({})

function declare(options: { duration?: '60s' }): Pipeline {
  return pipeline('site')
    .ingest('collect', {
      ...{ schedule: null, from: source, into: visits, ...options },
      select: v => ({ id: v.id, mail: lower(v.mail), age: v.age }),
    })
    .stream('keep', { from: visits, into: visitors })
}

/** Three pages of two records each: the cursor of page n is n. */
const pages = [1, 2, 3].map(page =>
  [0, 1].map(i => ({ id: `${page}-${i}`, mail: `P${page}@EXAMPLE.COM`, age: i === 0 ? page : null })),
)

type Attempt = Partial<Omit<IngestOptions, 'run'>> & {
  attempt?: number
  continues?: IngestOptions['run']['continues']
  records?: readonly (readonly SourceRecord[])[]
}

function run(harness: Harness, options: Attempt = {}): Promise<IngestResult> {
  const {
    attempt = 1,
    continues = attempt > 1,
    records = pages.map(page => page.map(value => ({ value }))),
    ...rest
  } = options
  return runIngest({
    declaration: { stage: harness.ingest, topic: harness.topic, map: null },
    run: {
      runId: 'manual__1',
      attempt,
      continues,
      logicalDate: '2026-01-01T00:00:00.000Z',
      interval: { start: '2026-01-01T00:00:00.000Z', end: '2026-01-01T00:00:00.000Z' },
    },
    source: scripted(records),
    ...harness.ports,
    clock: systemClock,
    random: seededRandom('test'),
    logger: harness.logger,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...rest,
  })
}

function scripted(
  records: readonly (readonly SourceRecord[])[],
  onPage: (page: number) => Promise<void> | void = () => {},
): IngestOptions['source'] {
  return {
    repeatable: true,
    async *pages(_run, from, signal): AsyncGenerator<SourcePage> {
      for (let page = Number(from ?? 0); page < records.length; page++) {
        await onPage(page + 1)
        signal.throwIfAborted()
        yield { records: records[page]!, cursor: String(page + 1), bytes: 100 }
      }
    },
    probe: async () => {},
    close: async () => {},
  }
}

type Append = () => ReturnType<Producer['append']>

/** The log, with what happens in place of each append. */
function appending({ ports }: Harness, instead: (append: Append) => ReturnType<Append>): Log {
  return overriding(ports.log, {
    producer: async id => {
      const producer = await ports.log.producer(id)
      return overriding(producer, {
        append: (records, commits) => instead(() => producer.append(records, commits)),
      })
    },
  })
}

const keysOf = async (harness: Harness) => (await harness.records()).map(({ key }) => Buffer.from(key!).toString())
const allKeys = pages.flat().map(({ id }) => id)

describe('an ingest run', () => {
  it('appends every record, selected and encoded, and says what it did', async () => {
    const harness = await Harness.open(site)
    expect(await run(harness)).toMatchObject({ pages: 3, appended: 6, deadLetters: 0, filtered: 0, finished: true })
    expect(await keysOf(harness)).toEqual(allKeys)
    await harness.runStream()
    expect(await harness.rows()).toContainEqual({ id: '2-0', mail: 'p2@example.com', age: 2 })
    expect(await harness.rows()).toContainEqual({ id: '2-1', mail: 'p2@example.com', age: null })
  })

  it('goes on after the last page in the log when it is tried again (G1)', async () => {
    const harness = await Harness.open(site)
    const failing = scripted(
      pages.map(page => page.map(value => ({ value }))),
      page => {
        if (page === 3) throw new MillraceError('SOURCE_UNREACHABLE', 'Gone.')
      },
    )
    await expect(run(harness, { source: failing })).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' })
    expect(await keysOf(harness)).toEqual(allKeys.slice(0, 4))
    expect(await run(harness, { attempt: 2 })).toMatchObject({ pages: 3, appended: 6 })
    expect(await keysOf(harness)).toEqual(allKeys)
  })

  it('has page and cursor in the log together or not at all (G1)', async () => {
    const harness = await Harness.open(site)
    for (const before of [true, false]) {
      for (const nth of [1, 2, 3]) {
        let appends = 0
        const log = appending(harness, async append => {
          appends += 1
          if (before && appends === nth) throw new Error('killed')
          const appended = await append()
          if (appends === nth) throw new Error('killed')
          return appended
        })
        await run(harness, { log, attempt: 2 }).catch(() => {})
      }
    }
    await run(harness, { attempt: 3 })
    expect(await keysOf(harness)).toEqual(allKeys)
  })

  it('does nothing more when the attempt before had finished without being recorded', async () => {
    const harness = await Harness.open(site)
    await run(harness)
    expect(await run(harness, { attempt: 2 })).toMatchObject({ appended: 6, finished: true })
    expect(await keysOf(harness)).toEqual(allKeys)
  })

  it('starts over when it had finished, and goes on when it had not, if that is what it is told', async () => {
    const harness = await Harness.open(site)
    const records = pages.map(page => page.map(value => ({ value })))
    const broken = scripted(records, page => {
      if (page === 1) throw new MillraceError('SOURCE_FAILED', 'As scripted.')
    })
    await expect(run(harness, { source: broken })).rejects.toThrow('As scripted.')
    await run(harness, { attempt: 2, continues: 'unless-finished' })
    expect(await keysOf(harness)).toEqual(allKeys)
    await run(harness, { attempt: 3, continues: 'unless-finished' })
    expect(await keysOf(harness)).toEqual([...allKeys, ...allKeys])
  })

  it('changes no row when it is done over (G4)', async () => {
    const harness = await Harness.open(site)
    await run(harness)
    await harness.runStream()
    const before = await harness.rows()
    await run(harness, { attempt: 2, continues: false })
    await harness.runStream()
    expect(await harness.rows()).toEqual(before)
  })

  it('is fenced by a second start of the same run (G4)', async () => {
    const harness = await Harness.open(site)
    const second = Promise.withResolvers<IngestResult>()
    const slow = scripted(
      pages.map(page => page.map(value => ({ value }))),
      async page => {
        if (page === 2) await run(harness, { attempt: 2 }).then(second.resolve, second.reject)
      },
    )
    await expect(run(harness, { source: slow })).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    expect(await second.promise).toMatchObject({ appended: 6 })
    expect(await keysOf(harness)).toEqual(allKeys)
  })

  it('makes bad records dead letters with their bytes and reason, once, and appends the others (G5)', async () => {
    const harness = await Harness.open(site)
    const unreadable = { bytes: Buffer.from('{"id":'), error: new MillraceError('RECORD_INVALID', 'Not JSON.') }
    const records: SourceRecord[][] = [
      [{ value: { id: 'a', mail: 7 } }, { value: { id: 'b', mail: 'B' } }, unreadable],
      [{ value: { id: 'c', mail: 'x'.repeat(5_000) } }, { value: 'no record' }],
    ]
    expect(await run(harness, { records })).toMatchObject({ appended: 1, deadLetters: 4 })
    expect(await run(harness, { records, attempt: 2 })).toMatchObject({ appended: 1, deadLetters: 4 })
    const letters = await harness.deadLetters()
    expect(
      letters.map(({ id, code, reason, value }) => [id, code, reason, Buffer.from(value!).toString().slice(0, 24)]),
    ).toEqual([
      [
        'site/collect|manual__1||0',
        'RECORD_INVALID',
        'The source sent a record that does not match: mail: expected text, found 7',
        '{"id":"a","mail":7}',
      ],
      ['site/collect|manual__1||2', 'RECORD_INVALID', 'Not JSON.', '{"id":'],
      [
        'site/collect|manual__1|1|0',
        'RECORD_TOO_LARGE',
        expect.stringContaining('visits takes 4096'),
        '{"id":"c","mail":"xxxxxx',
      ],
      [
        'site/collect|manual__1|1|1',
        'RECORD_INVALID',
        'The source sent a record that does not match: expected an object, found "no record"',
        '"no record"',
      ],
    ])
  })

  it('streams for its duration over all attempts, and ends between pages or while it waits for one', async () => {
    const harness = await Harness.open(declare({ duration: '60s' }))
    const clock = virtualClock()
    const endless = scripted(
      Array.from({ length: 100 }, () => [{ value: { id: 'a', mail: 'm' } }]),
      page => clock.advance(page === 3 ? 100_000 : 25_000),
    )
    const first = await run(harness, { source: endless, clock }).catch(error => error)
    expect(first).toMatchObject({ pages: 2, finished: true, elapsedMs: 60_000 })
  })

  it('makes a page ready and reads the one after it while one is appended, and no further', async () => {
    const harness = await Harness.open(site)
    const asked: number[] = []
    const third = Promise.withResolvers<void>()
    const source = scripted(
      [1, 2, 3, 4, 5].map(page => [{ value: { id: `${page}`, mail: 'm' } }]),
      page => {
        asked.push(page)
        if (page === 3) setImmediate(third.resolve)
      },
    )
    const askedBefore: number[][] = []
    let underWay = 0
    const log = appending(harness, async append => {
      expect(++underWay).toBe(1)
      if (askedBefore.length === 0) await third.promise
      askedBefore.push([...asked])
      const appended = await append()
      underWay -= 1
      return appended
    })
    expect(await run(harness, { source, log })).toMatchObject({ pages: 5, appended: 5, finished: true })
    expect(askedBefore.slice(0, 3)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3, 4],
    ])
    expect(await keysOf(harness)).toEqual(['1', '2', '3', '4', '5'])
  })

  it('leaves the page that it waits for when a page cannot be appended', async () => {
    const harness = await Harness.open(site)
    let left = false
    const source: IngestOptions['source'] = {
      ...scripted([]),
      async *pages(_run, _from, signal) {
        yield { records: [{ value: pages[0]![0] }], cursor: '1', bytes: 100 }
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        left = true
        throw signal.reason
      },
    }
    const log = appending(harness, () => Promise.reject(new MillraceError('PRODUCER_FENCED', 'Another goes on.')))
    await expect(run(harness, { source, log })).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    expect(left).toBe(true)
  })

  it('waits for a log that takes nothing for a while, and appends the page once', async () => {
    const harness = await Harness.open(site)
    let refusals = 2
    const log = appending(harness, async append => {
      if (refusals-- > 0) throw new MillraceError('STORAGE_FULL', 'The disk is full.')
      return append()
    })
    expect(await run(harness, { log, clock: virtualClock({ auto: true }) })).toMatchObject({
      appended: 6,
      finished: true,
    })
    expect(await keysOf(harness)).toEqual(allKeys)
    expect(harness.log.filter(text => text.startsWith('Waiting'))).toHaveLength(2)
  })

  it('asks for `apply` when the schema is not registered', async () => {
    const harness = await Harness.open(site)
    const registry = overriding(harness.ports.registry, { lookup: async () => null })
    await expect(run(harness, { registry })).rejects.toMatchObject({
      code: 'SCHEMA_UNKNOWN',
      fix: 'Run `millrace apply` first.',
    })
  })
})
