import assert from 'node:assert/strict'
import type { Source, SourcePage, SourceRun } from '../ports/source.ts'
import type { ConformanceCase } from './conformance.ts'

/** A source opened for one rule, on a system that has at least three pages for the run. */
export interface SourceFixture {
  readonly source: Source
  readonly run: SourceRun
  /** No page may have more records. */
  readonly maxPageRecords: number
  /** How many pages were fetched from the system so far; null where the system cannot tell. */
  readonly fetched: (() => number) | null
  /** Called after the rule was checked; closes the source and what it reads from. */
  close(): Promise<void>
}

/** Pages read of a source that may never end. */
const pagesRead = 4
const maxCursorBytes = 2048

/** What every source must do. `open` is called once a rule. */
export function sourceConformance(open: () => Promise<SourceFixture>): readonly ConformanceCase[] {
  const rule = (rule: string, check: (fixture: SourceFixture) => Promise<void>): ConformanceCase => ({
    rule,
    async check() {
      const fixture = await open()
      try {
        await check(fixture)
      } finally {
        await fixture.close()
      }
    },
  })

  return [
    rule('yields at least three pages to its suite, each with records and the bytes it took', async fixture => {
      const pages = await read(fixture)
      assert.ok(pages.length >= 3, `only ${pages.length} pages: the suite needs three to see anything`)
      for (const page of pages) {
        assert.ok(page.records.length > 0, 'a page without records')
        assert.ok(page.bytes > 0, 'a page of no bytes')
      }
    }),

    rule('yields the same records whenever the same run is read, if it says that it is repeatable', async fixture => {
      if (!fixture.source.repeatable) return
      assert.deepEqual(contents(await read(fixture)), contents(await read(fixture)))
    }),

    rule('goes on from the cursor of each page with exactly what followed it', async fixture => {
      if (!fixture.source.repeatable) return
      const pages = await read(fixture)
      for (const [i, page] of pages.slice(0, -1).entries()) {
        const rest = await read(fixture, page.cursor, pages.length - i - 1)
        assert.deepEqual(contents(rest), contents(pages.slice(i + 1)), `after page ${i + 1}`)
      }
    }),

    rule('makes cursors of at most 2 KiB', async fixture => {
      for (const { cursor } of await read(fixture)) assert.ok(Buffer.byteLength(cursor) <= maxCursorBytes, cursor)
    }),

    rule('refuses a cursor that it did not make, before any record', async fixture => {
      for (const foreign of ['', 'page 3', 'null', '[]', '{}', '{"unheard-of":1}']) {
        await assert.rejects(read(fixture, foreign, 1), { code: 'CURSOR_INVALID' }, `cursor ${JSON.stringify(foreign)}`)
      }
    }),

    rule('keeps its pages within their limit', async fixture => {
      for (const { records } of await read(fixture)) assert.ok(records.length <= fixture.maxPageRecords)
    }),

    rule('gives each record a value, or bytes and the error that says what is wrong with them', async fixture => {
      for (const record of (await read(fixture)).flatMap(page => page.records)) {
        if (!('error' in record)) assert.notEqual(record.value, undefined)
        else assert.ok(record.bytes instanceof Uint8Array && record.error instanceof Error)
      }
    }),

    rule('fetches at most one page that nobody asked for', async fixture => {
      if (fixture.fetched === null) return
      const { source, fetched } = fixture
      // A probe is a round trip, so whatever was sent before it has arrived; it may count as a fetch itself.
      await source.probe(never())
      const byProbe = fetched()
      const pages = source.pages(fixture.run, null, never())[Symbol.asyncIterator]()
      await source.probe(never())
      assert.ok(fetched() - 2 * byProbe <= 1, 'more than one page fetched before any was asked for')
      await pages.next()
      await source.probe(never())
      assert.ok(fetched() - 3 * byProbe <= 2, 'more than two pages fetched when one was asked for')
      await pages.return?.()
    }),

    rule('stops with the reason of a signal that aborts between pages', async fixture => {
      const controller = new AbortController()
      const pages = fixture.source.pages(fixture.run, null, controller.signal)[Symbol.asyncIterator]()
      await pages.next()
      const reason = new Error('enough')
      controller.abort(reason)
      await assert.rejects(pages.next(), error => error === reason)
      assert.equal((await pages.next()).done, true)
    }),

    rule(
      'stops with the reason of a signal that aborts while a page is awaited, or already has that page',
      async fixture => {
        const controller = new AbortController()
        const pages = fixture.source.pages(fixture.run, null, controller.signal)[Symbol.asyncIterator]()
        const reason = new Error('enough')
        const first = pages.next()
        controller.abort(reason)
        const outcome = await first.catch(error => error)
        if (outcome !== reason) await assert.rejects(pages.next(), error => error === reason)
      },
    ),

    rule('does nothing for a signal that has aborted before', async fixture => {
      const reason = new Error('enough')
      const before = fixture.fetched?.()
      await assert.rejects(read(fixture, null, 1, AbortSignal.abort(reason)), error => error === reason)
      await assert.rejects(fixture.source.probe(AbortSignal.abort(reason)), error => error === reason)
      assert.equal(fixture.fetched?.(), before)
    }),

    rule('answers a probe', async fixture => {
      await fixture.source.probe(never())
    }),

    rule('ends its readers when it is closed, and may be closed twice', async fixture => {
      const pages = fixture.source.pages(fixture.run, null, never())[Symbol.asyncIterator]()
      await pages.next()
      await fixture.source.close()
      await fixture.source.close()
      await assert.rejects(async () => pages.next(), 'a closed source gave another page')
      await assert.rejects(read(fixture, null, 1), 'a closed source gave a first page')
    }),
  ]
}

async function read(
  { source, run }: SourceFixture,
  from: string | null = null,
  count = pagesRead,
  signal = never(),
): Promise<readonly SourcePage[]> {
  const pages: SourcePage[] = []
  if (count === 0) return pages
  for await (const page of source.pages(run, from, signal)) {
    pages.push(page)
    if (pages.length === count) break
  }
  return pages
}

/** Pages of a repeated read may be cut differently; what is in them may not differ. */
function contents(pages: readonly SourcePage[]): readonly unknown[] {
  return pages.flatMap(page => page.records.map(record => ('error' in record ? { bytes: record.bytes } : record.value)))
}

function never(): AbortSignal {
  return new AbortController().signal
}
