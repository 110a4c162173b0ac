import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Cursor, Source, SourcePage, SourceRecord, SourceRun } from '../../ports/source.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { SourceNode } from '../../sdk/nodes.ts'
import type { FilesSettings } from '../../sdk/sources/files.ts'
import { type Line, lineSplitter } from './lines.ts'
import { parseLine } from './ndjson.ts'

export interface FilesSourceOptions {
  /** What relative paths start from. */
  readonly directory: string
}

const maxPageRecords = 1000
const maxPageBytes = 1024 * 1024
const chunkBytes = 256 * 1024
/** Of a line over the limit; fits into a dead letter. */
const keptBytes = 16 * 1024
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** Runs a source declared with `files`. Which files a directory has is looked up each time reading starts. */
export async function openFilesSource(node: SourceNode, options: FilesSourceOptions): Promise<Source> {
  // The sdk wrote these settings; the plan only carries them.
  const settings = node.settings as FilesSettings
  const absolute = (file: string) => resolve(options.directory, file)
  const opened = new Set<FileHandle>()
  const closed = new AbortController()

  async function listFiles(): Promise<readonly string[]> {
    const files: string[] = []
    for (const path of settings.paths) {
      if ((await readable(path, stat(absolute(path)))).isDirectory()) {
        const names = await readable(path, readdir(absolute(path)))
        files.push(
          ...names
            .filter(name => name.endsWith('.ndjson'))
            .sort()
            .map(name => join(path, name)),
        )
      } else files.push(path)
    }
    return files
  }

  async function* readFile(file: string, from: number, signal: AbortSignal): AsyncGenerator<SourcePage> {
    const handle = await readable(file, open(absolute(file)))
    opened.add(handle)
    try {
      const { size } = await readable(file, handle.stat())
      if (from > size) throw cursorInvalid(`${file} has ${size} bytes, and the cursor says ${from}.`)
      const start = from === 0 && (await startsWithMark(file, handle)) ? byteOrderMark.length : from
      const pages = pageBuilder(file, start)
      const splitter = lineSplitter({ maxLineBytes: settings.maxLineBytes, keptBytes })
      for (let at = start; ; ) {
        signal.throwIfAborted()
        // A new buffer each time: the records of a page are views of it.
        const buffer = Buffer.allocUnsafe(chunkBytes)
        const { bytesRead } = await readable(file, handle.read(buffer, 0, chunkBytes, at))
        if (bytesRead === 0) break
        at += bytesRead
        yield* pages.add(splitter.push(buffer.subarray(0, bytesRead)))
      }
      const rest = splitter.rest()
      if (rest) yield* pages.add([rest])
      yield* pages.finish()
    } finally {
      opened.delete(handle)
      await handle.close()
    }
  }

  async function* pages(_run: SourceRun, from: Cursor | null, caller: AbortSignal): AsyncGenerator<SourcePage> {
    const signal = AbortSignal.any([caller, closed.signal])
    signal.throwIfAborted()
    const files = await listFiles()
    const start = from === null ? { file: files[0], offset: 0 } : parseCursor(from)
    const first = start.file === undefined ? 0 : files.indexOf(start.file)
    if (first === -1) throw cursorInvalid(`${start.file} is not one of the source's files.`)
    for (const [i, file] of files.slice(first).entries()) {
      for await (const page of readFile(file, i === 0 ? start.offset : 0, signal)) {
        // One chunk can hold many pages.
        signal.throwIfAborted()
        yield page
      }
    }
  }

  return {
    repeatable: true,
    pages,
    async probe(signal) {
      signal.throwIfAborted()
      for (const file of await listFiles()) await (await readable(file, open(absolute(file)))).close()
    },
    async close() {
      closed.abort(new DOMException('The source was closed.', 'AbortError'))
      for (const handle of [...opened]) await handle.close()
    },
  }
}

interface PageBuilder {
  /** The pages that these lines fill. */
  add(lines: readonly Line[]): Iterable<SourcePage>
  /** The last page, if there is anything in it. */
  finish(): Iterable<SourcePage>
}

/** Gathers lines, the first of which starts at byte `start` of the file, into pages of limited size. */
function pageBuilder(file: string, start: number): PageBuilder {
  let records: SourceRecord[] = []
  let pageStart = start
  let lineStart = start

  function* finish(): Iterable<SourcePage> {
    if (records.length > 0) {
      yield { records, cursor: JSON.stringify({ file, offset: lineStart }), bytes: lineStart - pageStart }
    }
    records = []
    pageStart = lineStart
  }

  return {
    finish,
    *add(lines) {
      for (const line of lines) {
        const record = parseLine(line, file, lineStart)
        if (record) records.push(record)
        lineStart = start + line.end
        if (records.length >= maxPageRecords || lineStart - pageStart >= maxPageBytes) yield* finish()
      }
    },
  }
}

async function startsWithMark(file: string, handle: FileHandle): Promise<boolean> {
  const { buffer } = await readable(file, handle.read(Buffer.alloc(byteOrderMark.length), 0, byteOrderMark.length, 0))
  return buffer.equals(byteOrderMark)
}

function parseCursor(cursor: Cursor): { readonly file: string; readonly offset: number } {
  let value: unknown
  try {
    value = JSON.parse(cursor)
  } catch {
    // Reported below, like JSON that is something else.
  }
  if (typeof value === 'object' && value !== null) {
    const { file, offset } = value as { readonly [key: string]: unknown }
    if (typeof file === 'string' && Number.isSafeInteger(offset) && Number(offset) >= 0)
      return { file, offset: Number(offset) }
  }
  throw cursorInvalid(`${JSON.stringify(cursor.slice(0, 80))} is not a cursor of this source.`)
}

function cursorInvalid(message: string): MillraceError {
  return new MillraceError('CURSOR_INVALID', message, {
    fix: 'If files were replaced or renamed, clear the run so that it starts from the first line.',
  })
}

/** Says which file it was that could not be read, and why. */
async function readable<T>(file: string, access: Promise<T>): Promise<T> {
  try {
    return await access
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new MillraceError(
      'SOURCE_FILE_UNREADABLE',
      `${file} ${reasons[code ?? ''] ?? `cannot be read: ${message}`}.`,
      {
        place: file,
        fix: 'Check the path, which is relative to the project, and its permissions.',
        cause: error,
      },
    )
  }
}

const reasons: { readonly [code: string]: string } = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a directory',
}
