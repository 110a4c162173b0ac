import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../sdk/errors.ts'
import type { Connection, EngineKind, EngineName, Ports } from './engine.ts'

/** The format of the file. */
const version = 1

/** What `stack.json` says: what was last asked of each engine, and how to reach it. */
export interface StackRecord {
  readonly version: typeof version
  readonly engines: { readonly [name in EngineName]?: EngineRecord }
}

export interface EngineRecord {
  readonly kind: EngineKind
  /** `native`: processes of this machine. `docker`: containers of the compose file. */
  readonly runs: 'native' | 'docker'
  readonly title: string
  /** What was last asked for. Whether it is so, `stackStatus` finds out. */
  readonly wanted: 'up' | 'down'
  /** For people. */
  readonly address: string
  readonly connection: Connection
  readonly ports: Ports
  /** Empty with Docker, which keeps its own. */
  readonly services: readonly ServiceRecord[]
}

/** A process; written before it is started, so that none is ever unknown. */
export interface ServiceRecord {
  readonly name: string
  /** What its command line carries, see `markOf`. */
  readonly token: string
  /** Null until it is known. For people: the token is what the process is found by. */
  readonly pid: number | null
  /** ISO 8601. */
  readonly startedAt: string
  /** Null where there is none. */
  readonly heap: string | null
}

const fileName = 'stack.json'

/**
 * @param directory where a stack is kept: `stack` in the state directory
 * @throws MillraceError `STATE_CORRUPT`, `STATE_VERSION`.
 */
export function readStack(directory: string): StackRecord {
  const path = join(directory, fileName)
  if (!existsSync(path)) return { version, engines: {} }
  const record = parse(readFileSync(path, 'utf8'))
  if (record === null) {
    throw new MillraceError('STATE_CORRUPT', `${path} is damaged.`, {
      place: path,
      fix: 'Stop what still runs (its processes have millrace.stack in their command lines), then delete the file.',
    })
  }
  if (record.version !== version) {
    throw new MillraceError('STATE_VERSION', `${path} has version ${record.version}; this Millrace knows ${version}.`, {
      place: path,
      fix: 'Use the version of Millrace that wrote it.',
    })
  }
  return record
}

function parse(text: string): StackRecord | null {
  try {
    const record = JSON.parse(text) as StackRecord | null
    return typeof record?.version === 'number' && typeof record.engines === 'object' ? record : null
  } catch {
    return null
  }
}

/** Changes one engine's record on disk before it returns. Only the holder of the stack's lock may. */
export function recordEngine(directory: string, name: EngineName, record: EngineRecord | null): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const before = readStack(directory).engines
  const { [name]: _, ...others } = before
  const path = join(directory, fileName)
  const temporary = `${path}.${process.pid}`
  const engines = record === null ? others : { ...before, [name]: record }
  writeFileSync(temporary, `${JSON.stringify({ version, engines }, null, 2)}\n`, { flush: true, mode: 0o600 })
  renameSync(temporary, path)
}

/** @throws MillraceError `ENGINE_RUNNING` if the engine is up in another kind, or elsewhere. */
export function refuseOther(
  { kind, name }: Pick<EngineRecord, 'kind'> & { readonly name: EngineName },
  runs: EngineRecord['runs'],
  before: EngineRecord | undefined,
): void {
  if (before === undefined || before.wanted === 'down') return
  if (before.kind === kind && before.runs === runs) return
  const where = before.runs === 'docker' ? ' in Docker' : ''
  throw new MillraceError('ENGINE_RUNNING', `${before.title} is already up${where}.`, {
    place: before.address,
    fix: `Stop it first: \`millrace stack down ${name}\`.`,
  })
}
