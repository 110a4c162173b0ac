import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  containerStates,
  containersOf,
  deleteVolumes,
  hasDocker,
  requireDocker,
  startDocker,
  stopDocker,
} from './docker.ts'
import { type Engine, type EngineKind, type EngineName, engineNames } from './engine.ts'
import { engines } from './engines.ts'
import { problemOf } from './health.ts'
import { withLock } from './lock.ts'
import { startNative, stopNative } from './native.ts'
import { inOrder, withCompanions, withNeeds } from './needs.ts'
import type { StackOptions, UpOptions } from './options.ts'
import { findMarked, findStarted } from './process.ts'
import { type EngineRecord, readStack, recordEngine, type ServiceRecord } from './record.ts'

/** How long to wait for another command that works on the same stack, in milliseconds. */
const lockLimitMs = 15 * 60_000

export interface ExclusiveOptions {
  /** Told if another command works on the same stack. */
  onWait?(): void
}

/**
 * Sees to it that the engines run and are healthy, side by side. What runs is left alone.
 * @param how where they run; null: where one of them already runs, else in Docker if there is one, else natively
 * @throws MillraceError the first engine's that failed, when all others have started or failed
 */
export async function stackUp(
  kinds: readonly EngineKind[],
  how: 'native' | 'docker' | null,
  options: UpOptions & ExclusiveOptions,
): Promise<readonly EngineRecord[]> {
  return exclusively(options, async () => {
    const wanted = withNeeds(kinds.map(kind => engines[kind]))
    if ((how ?? (await chooseHow(options))) === 'docker') {
      await requireDocker(options)
      return startDocker(withKafka(wanted, options), options)
    }
    const started = await Promise.allSettled(inOrder(wanted, 'needed first', engine => startNative(engine, options)))
    options.signal.throwIfAborted()
    return started.map(each => {
      if (each.status === 'rejected') throw each.reason
      return each.value
    })
  })
}

/** Stops engines with those that keep data together with them; also what a command that was killed has started. */
export async function stackDown(names: readonly EngineName[], options: StackOptions & ExclusiveOptions): Promise<void> {
  await exclusively(options, () => stopAll(withCompanions(names), options))
}

/** Stops engines with those that keep data together with them, and deletes their data, logs and configuration. */
export async function stackReset(
  names: readonly EngineName[],
  options: StackOptions & ExclusiveOptions,
): Promise<void> {
  await exclusively(options, async () => {
    const all = withCompanions(names)
    await stopAll(all, options)
    for (const name of all) {
      const kinds = Object.values(engines).filter(engine => engine.name === name)
      const record = readStack(options.directory).engines[name]
      if (record?.runs === 'docker') await deleteVolumes([engines[record.kind]], options)
      for (const { kind } of kinds) rmSync(join(options.directory, kind), { recursive: true, force: true })
      recordEngine(options.directory, name, null)
    }
  })
}

async function stopAll(names: readonly EngineName[], options: StackOptions): Promise<void> {
  const records = readStack(options.directory).engines
  const known = names.flatMap(name => (records[name] === undefined ? [] : [records[name]]))
  const inDocker = known.filter(({ runs, wanted }) => runs === 'docker' && wanted === 'up')
  if (inDocker.length > 0) {
    await stopDocker(
      inDocker.map(({ kind }) => engines[kind]),
      options,
    )
  }
  const native = known.filter(({ runs }) => runs === 'native').map(({ kind }) => engines[kind])
  await Promise.all(inOrder(native, 'needed last', engine => stopNative(engine, options)))
}

/** Confluent's registry keeps its schemas in Kafka. */
function withKafka(wanted: readonly Engine[], { directory }: StackOptions): readonly Engine[] {
  const names = wanted.map(({ name }) => name)
  if (!names.includes('schema-registry') || names.includes('kafka')) return wanted
  const before = readStack(directory).engines.kafka
  return [before?.wanted === 'up' ? engines[before.kind] : engines.kafka, ...wanted]
}

async function chooseHow(options: StackOptions): Promise<'native' | 'docker'> {
  const running = Object.values(readStack(options.directory).engines).find(({ wanted }) => wanted === 'up')
  return running?.runs ?? ((await hasDocker(options)) ? 'docker' : 'native')
}

function exclusively<T>(options: StackOptions & ExclusiveOptions, work: () => Promise<T>): Promise<T> {
  const { directory, signal, onWait } = options
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  writeFileSync(join(directory, '.gitignore'), '*\n')
  return withLock(join(directory, 'lock.db'), { limitMs: lockLimitMs, signal, ...(onWait && { onWait }) }, work)
}

/**
 * `healthy`: it answers. `unhealthy`: its process is there and does not answer, as while it starts. `dead`: it should be up
 * and its process is gone. `down`: it was stopped, or never finished starting.
 */
export type Health = 'healthy' | 'unhealthy' | 'dead' | 'down'

export interface EngineStatus extends EngineRecord {
  /** The worst of its services'. */
  readonly health: Health
  readonly details: readonly ServiceStatus[]
}

export interface ServiceStatus {
  readonly name: string
  readonly health: Health
  readonly pid: number | null
  /** ISO 8601; null with Docker. */
  readonly startedAt: string | null
  /** Of memory that it and what it has started have now; null where that is not known. */
  readonly residentBytes: number | null
  /** Why it is unhealthy. */
  readonly problem: string | null
}

/** What there is, looked at now. Waits for nobody. */
export async function stackStatus(options: StackOptions): Promise<readonly EngineStatus[]> {
  const records = readStack(options.directory).engines
  return Promise.all(
    engineNames
      .flatMap(name => records[name] ?? [])
      .map(async record => {
        const details = await detailsOf(record, options)
        return { ...record, details, health: worstOf(record, details) }
      }),
  )
}

const worstFirst: readonly Health[] = ['dead', 'unhealthy', 'down', 'healthy']

function worstOf({ wanted }: EngineRecord, details: readonly ServiceStatus[]): Health {
  if (details.length === 0) return wanted === 'up' ? 'dead' : 'down'
  return worstFirst.find(health => details.some(each => each.health === health)) ?? 'down'
}

async function detailsOf(record: EngineRecord, options: StackOptions): Promise<readonly ServiceStatus[]> {
  if (record.wanted === 'down') return []
  const engine = engines[record.kind]
  if (record.runs === 'docker') return dockerDetails(engine, options)
  return Promise.all(
    engine.services.map(async service => {
      const known = record.services.find(({ name }) => name === service.name)
      const pid = known === undefined ? undefined : findMarked([known.token]).get(known.token)
      if (known === undefined || pid === undefined) return notRunning(service.name, known)
      const { token: mark, startedAt } = known
      const { ports, connection } = record
      const target = { ports, connection, mark, startedAt }
      const problem = await problemOf(signal => service.probe(target, signal), options.signal)
      const health = problem === null ? ('healthy' as const) : ('unhealthy' as const)
      return { name: service.name, health, pid, startedAt, residentBytes: residentBytes(pid, mark), problem }
    }),
  )
}

function notRunning(name: string, known: ServiceRecord | undefined): ServiceStatus {
  const problem = known === undefined ? 'it was not started yet' : 'its process has ended'
  return { name, health: 'dead', pid: null, startedAt: known?.startedAt ?? null, residentBytes: null, problem }
}

async function dockerDetails(engine: Engine, options: StackOptions): Promise<readonly ServiceStatus[]> {
  const states = await containerStates(options)
  return [...states]
    .filter(([service]) => containersOf(engine).includes(service))
    .map(([name, state]) => ({
      name,
      health: state === 'running (healthy)' ? 'healthy' : state.startsWith('running') ? 'unhealthy' : 'dead',
      pid: null,
      startedAt: null,
      residentBytes: null,
      problem: state === 'running (healthy)' ? null : state,
    }))
}

/** Of the process and what it has started. */
function residentBytes(pid: number, mark: string): number | null {
  if (process.platform !== 'linux') return null
  const pids = new Set([pid, ...findStarted(mark)])
  return [...pids].reduce((sum, each) => sum + residentKilobytes(each), 0) * 1024
}

function residentKilobytes(pid: number): number {
  const path = `/proc/${pid}/status`
  if (!existsSync(path)) return 0
  const [, kilobytes = 0] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(path, 'utf8')) ?? []
  return Number(kilobytes)
}
