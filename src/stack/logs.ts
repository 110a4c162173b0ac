import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine } from './engine.ts'

/** An engine's own directory. */
export function engineDirectory(directory: string, engine: Pick<Engine, 'kind'>): string {
  return join(directory, engine.kind)
}

/** Where a service keeps its files. */
export function serviceDirectory(directory: string, engine: Engine, service: string): string {
  return join(engineDirectory(directory, engine), service)
}

/** A file that a service writes. */
export interface LogFile {
  /** Or one of the logs of a service that has several. */
  readonly service: string
  /** Absolute. */
  readonly path: string
}

/** What each service of an engine writes: what its process itself says, and its logs. All may be missing. */
export function logFiles(directory: string, engine: Engine): readonly LogFile[] {
  return engine.services.flatMap(({ name, logs = [name] }) => {
    const file = (service: string, ending: string): LogFile => ({
      service,
      path: join(serviceDirectory(directory, engine, name), 'logs', `${service}.${ending}`),
    })
    return [file(name, 'out'), ...logs.map(log => file(log, 'log'))]
  })
}

/** More than that is not looked at for the last lines, in bytes. */
const maxTailBytes = 4 * 1024 * 1024

/** The last lines of a file, and where it ended. */
export function readLastLines(path: string, count: number): { readonly text: readonly string[]; readonly end: number } {
  if (!existsSync(path)) return { text: [], end: 0 }
  const { size } = statSync(path)
  const lines = readPart(path, Math.max(0, size - maxTailBytes), size)
    .toString()
    .split('\n')
  if (lines.at(-1) === '') lines.pop()
  return { text: count === 0 ? [] : lines.slice(-count), end: size }
}

/** How often to look for new lines, in milliseconds. */
const pollMs = 250

/** Lines as they are written, until the signal aborts. A file that became smaller was rotated: it is read from its start. */
export async function* followLog(path: string, from: number, signal: AbortSignal): AsyncGenerator<string> {
  let position = from
  let rest = ''
  // A character may be cut in two by the end of what is there.
  let decoder = new StringDecoder('utf8')
  for (;;) {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size < position) {
      position = 0
      rest = ''
      decoder = new StringDecoder('utf8')
    }
    while (position < size) {
      const end = Math.min(size, position + maxTailBytes)
      const lines = (rest + decoder.write(readPart(path, position, end))).split('\n')
      position = end
      rest = lines.pop() ?? ''
      yield* lines
    }
    await delay(pollMs, undefined, { signal })
  }
}

function readPart(path: string, from: number, to: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(to - from)
    const read = readSync(file, bytes, 0, bytes.length, from)
    return bytes.subarray(0, read)
  } finally {
    closeSync(file)
  }
}
