import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openFilesSource } from '../../../src/adapters/files/files-source.ts'
import type { SourcePage, SourceRecord } from '../../../src/ports/source.ts'
import { files } from '../../../src/sdk/sources/files.ts'
import { t } from '../../../src/sdk/types.ts'
import { temporaryDirectory } from '../../support.ts'
import { run } from '../http/server.ts'

const schema = t.record('Row', { id: t.int() })

describe('a file', () => {
  it('is read line by line: any line end, a byte order mark, blank lines, no line end at its end', async () => {
    const records = await readText('\uFEFF{"id":1}\r\n\n   \n{"id":"zwölf"}\n\t{"id":3} \n{"id":4}')
    expect(values(records)).toEqual([{ id: 1 }, { id: 'zwölf' }, { id: 3 }, { id: 4 }])
  })

  it('may be empty, or only blank', async () => {
    expect(await readText('')).toEqual([])
    expect(await readText('\n\r\n \n')).toEqual([])
  })

  it('keeps its good records beside lines that are not JSON or not UTF-8, which come with their bytes', async () => {
    const bad = Buffer.from([0x7b, 0xff, 0x7d])
    const records = await readText(
      Buffer.concat([Buffer.from('{"id":1}\nhello\n'), bad, Buffer.from('\n{"id":2}\n{"id":')]),
    )
    expect(records.map(record => ('error' in record ? [record.error.code, record.error.place] : record.value))).toEqual(
      [
        { id: 1 },
        ['RECORD_INVALID', 'rows.ndjson@9'],
        ['RECORD_INVALID', 'rows.ndjson@15'],
        { id: 2 },
        ['RECORD_INVALID', 'rows.ndjson@28'],
      ],
    )
    expect(text(records[1]!)).toBe('hello')
    expect(records[2]!.bytes).toEqual(bad)
    expect(records[2]).toMatchObject({ error: { message: 'The line is not UTF-8 text.' } })
  })

  it('gives the bytes of a good line too', async () => {
    expect(text((await readText('{"id":1}\n{"id": 2}\n'))[1]!)).toBe('{"id": 2}')
  })

  it('is not held up by a line over the limit, of which only the first part is kept', async () => {
    const long = `"${'x'.repeat(3_000_000)}"`
    const records = await readText(`{"id":1}\n${long}\n{"id":2}\n${long}`, { maxLine: '1 MiB' })
    expect(values(records)).toEqual([{ id: 1 }, undefined, { id: 2 }, undefined])
    for (const record of [records[1]!, records[3]!]) {
      expect(record.bytes!.length).toBe(16 * 1024)
      expect(record).toMatchObject({
        error: { code: 'RECORD_INVALID', message: expect.stringContaining('3000002 bytes') },
      })
    }
  })

  it('may have a line of exactly the limit', async () => {
    const records = await readText('{"id":1}\n{"id":10}\n', { maxLine: 8 })
    expect(records[0]!.value).toEqual({ id: 1 })
    expect(records[1]).toMatchObject({
      error: { message: 'The line has 9 bytes, more than the source allows; only its first 8 are kept.' },
    })
  })

  it('is read in pages of at most 1,000 records or about 1 MiB', async () => {
    const small = await readPages('{"id":1}\n'.repeat(2500))
    expect(small.map(page => page.records.length)).toEqual([1000, 1000, 500])
    const large = await readPages(`"${'x'.repeat(99_997)}"\n`.repeat(25))
    expect(large.map(page => page.bytes)).toEqual([1_100_000, 1_100_000, 300_000])
  })

  it('is read no further than its reader got', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'rows.ndjson')
    writeFileSync(path, `"${'x'.repeat(9997)}"\n`.repeat(400))
    const source = await openFilesSource(files({ path: 'rows.ndjson', schema }).node, { directory })
    const pages = source.pages(run, null, new AbortController().signal)[Symbol.asyncIterator]()
    await pages.next()
    writeFileSync(path, `"${'y'.repeat(9997)}"\n`.repeat(400))
    const second = await pages.next()
    expect(second.value.records.at(-1).value).toMatch(/^y+$/)
    await pages.return?.()
  })
})

describe('a source that is closed', () => {
  // Where /proc lists what a process has open.
  it.runIf(process.platform === 'linux')('closes the file of a reader that was left', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'rows.ndjson')
    writeFileSync(path, '{"id":1}\n'.repeat(5000))
    const isOpen = () => readdirSync('/proc/self/fd').some(fd => target(fd) === path)
    const source = await openFilesSource(files({ path: 'rows.ndjson', schema }).node, { directory })
    await source.pages(run, null, new AbortController().signal)[Symbol.asyncIterator]().next()
    expect(isOpen()).toBe(true)
    await source.close()
    expect(isOpen()).toBe(false)
  })
})

describe('several files', () => {
  it('are read in the order given', async () => {
    const directory = temporaryDirectory()
    for (const name of ['a', 'b', 'c']) writeFileSync(join(directory, name), JSON.stringify(name))
    const source = await openFilesSource(files({ path: ['c', 'a'], schema }).node, { directory })
    expect(values((await readAll(source)).flatMap(page => page.records))).toEqual(['c', 'a'])
  })

  it('of a directory are its .ndjson files by name', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'in/sub.ndjson.d'), { recursive: true })
    for (const name of ['b.ndjson', 'a.ndjson', 'c.json'])
      writeFileSync(join(directory, 'in', name), JSON.stringify(name))
    const source = await openFilesSource(files({ path: 'in', schema }).node, { directory })
    const pages = await readAll(source)
    expect(values(pages.flatMap(page => page.records))).toEqual(['a.ndjson', 'b.ndjson'])
    expect(JSON.parse(pages[0]!.cursor)).toEqual({ file: join('in', 'a.ndjson'), offset: 10 })
  })
})

describe('a file that cannot be read', () => {
  it('is named: SOURCE_FILE_UNREADABLE', async () => {
    const source = await openFilesSource(files({ path: 'gone.ndjson', schema }).node, {
      directory: temporaryDirectory(),
    })
    const expected = { code: 'SOURCE_FILE_UNREADABLE', message: 'gone.ndjson does not exist.', place: 'gone.ndjson' }
    await expect(readAll(source)).rejects.toMatchObject(expected)
    await expect(source.probe(new AbortController().signal)).rejects.toMatchObject(expected)
  })

  it.each([
    '{"file":"other.ndjson","offset":0}',
    '{"file":"rows.ndjson","offset":9999}',
    '{"file":"rows.ndjson","offset":-1}',
  ])('since a cursor does not fit it: %s is CURSOR_INVALID', async cursor => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'rows.ndjson'), '{"id":1}\n')
    const source = await openFilesSource(files({ path: 'rows.ndjson', schema }).node, { directory })
    await expect(readAll(source, cursor)).rejects.toMatchObject({ code: 'CURSOR_INVALID' })
  })
})

type Source = Awaited<ReturnType<typeof openFilesSource>>

async function readAll(source: Source, from: string | null = null): Promise<SourcePage[]> {
  const pages: SourcePage[] = []
  for await (const page of source.pages(run, from, new AbortController().signal)) pages.push(page)
  return pages
}

async function readPages(
  content: string | Buffer,
  options: { maxLine?: '1 MiB' | number } = {},
): Promise<SourcePage[]> {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'rows.ndjson'), content)
  return await readAll(await openFilesSource(files({ path: 'rows.ndjson', schema, ...options }).node, { directory }))
}

async function readText(content: string | Buffer, options = {}): Promise<SourceRecord[]> {
  return (await readPages(content, options)).flatMap(page => page.records)
}

function values(records: readonly SourceRecord[]): unknown[] {
  return records.map(record => record.value)
}

function text(record: SourceRecord): string {
  return Buffer.from(record.bytes!).toString()
}

/** What an open file descriptor is of; undefined if it was closed since it was listed. */
function target(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}
