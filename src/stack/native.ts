import { randomUUID } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { MillraceError } from '../sdk/errors.ts'
import { stackFile } from './cache.ts'
import type { Connection, Engine, EngineName, Installation, Place, Ports, Service } from './engine.ts'
import { awaitHealthy, awaitMayStart, failedToStart } from './health.ts'
import { engineDirectory, serviceDirectory } from './logs.ts'
import type { StackOptions, UpOptions } from './options.ts'
import { chooseFreePorts, requireFree } from './port.ts'
import { endMarked, findMarked, killStarted, markVariable, startDetached } from './process.ts'
import { runProgram } from './program.ts'
import { type EngineRecord, readStack, recordEngine, refuseOther, type ServiceRecord } from './record.ts'
import { secretsOf } from './secret.ts'
import { applySettings, fillTemplate } from './template.ts'

/** How long creating an engine's data may take, in milliseconds: Airflow takes 5 s with a calm machine. */
const prepareLimitMs = 180_000

/** How long a service may take to end by itself, in milliseconds. */
const stopLimitMs = 30_000

/** What a process itself wrote is kept up to this size, and once more, in bytes. */
const maxOutputBytes = 5 * 1024 * 1024

/**
 * Sees to it that an engine runs and is healthy. What already runs is left alone; what has died is started with its data.
 * The caller holds the stack's lock.
 * @throws MillraceError `ENGINE_MISSING`, `ENGINE_DOWNLOAD`, `ENGINE_FAILED`, `ENGINE_TIMEOUT`, `PORT_IN_USE`; `ENGINE_RUNNING`
 *   if the engine runs in another kind.
 */
export async function startNative(engine: Engine, options: UpOptions): Promise<EngineRecord> {
  const { directory, env, signal } = options
  const before = readStack(directory).engines[engine.name]
  refuseOther(engine, 'native', before)
  const alive = findMarked(before?.services.map(({ token }) => token) ?? [])
  if (before?.wanted === 'up' && alive.size === engine.services.length) {
    for (const service of engine.services) await awaitService(engine, service, before, options)
    options.onStep?.(engine, 'already up')
    return before
  }
  const onDownload = () => options.onStep?.(engine, 'downloading')
  const installation = await engine.runtime.install(engine, { env, signal, onDownload })
  const ports = await choosePorts(engine, alive.size > 0, before, options)
  const own = engineDirectory(directory, engine)
  // What a process that was killed has left would be in the way.
  for (const { token } of before?.services ?? []) if (!alive.has(token)) await killStarted(token)
  const secrets = secretsOf(engine.secrets, own, env)
  const needs = connectionsOf(engine, directory)
  let record: EngineRecord = {
    kind: engine.kind,
    runs: 'native',
    title: engine.title,
    wanted: 'up',
    address: engine.address(ports),
    connection: engine.connection(ports, own),
    ports,
    services: before?.wanted === 'up' ? before.services.filter(({ token }) => alive.has(token)) : [],
  }
  for (const service of engine.services) {
    if (!record.services.some(({ name }) => name === service.name)) {
      const { conf, data, logs } = directoriesOf(directory, engine, service)
      const { files } = installation
      const place: Place = { files, conf, data, logs, ports, mark: randomUUID(), secrets, needs }
      record = await startService({ engine, service, place, installation, record }, options)
    }
    await awaitService(engine, service, record, options)
  }
  options.onStep?.(engine, 'healthy')
  return record
}

/** Stops an engine; one that does not run is only noted as such. The caller holds the stack's lock. */
export async function stopNative(engine: Engine, options: StackOptions): Promise<void> {
  const record = readStack(options.directory).engines[engine.name]
  if (record === undefined) return
  if (findMarked(record.services.map(({ token }) => token)).size > 0) options.onStep?.(engine, 'stopping')
  for (const { name, stopSignal: signal } of engine.services.toReversed()) {
    const service = record.services.find(each => each.name === name)
    if (service !== undefined) await endMarked(service.token, { limitMs: stopLimitMs, ...(signal && { signal }) })
  }
  recordEngine(options.directory, engine.name, { ...record, wanted: 'down', services: [] })
  options.onStep?.(engine, 'stopped')
}

function directoriesOf(directory: string, engine: Engine, service: Service): Pick<Place, 'conf' | 'data' | 'logs'> {
  const own = serviceDirectory(directory, engine, service.name)
  return { conf: join(own, 'conf'), data: join(own, 'data'), logs: join(own, 'logs') }
}

/** @throws MillraceError `ENGINE_FAILED` if one that it needs is not up. */
function connectionsOf(
  { title, needs = [] }: Engine,
  directory: string,
): { readonly [name in EngineName]?: Connection } {
  const { engines } = readStack(directory)
  return Object.fromEntries(
    needs.map(name => {
      const record = engines[name]
      if (record?.wanted === 'up') return [name, record.connection]
      throw new MillraceError('ENGINE_FAILED', `${title} needs ${name}, which is not up.`, {
        place: directory,
        fix: `Start it: \`millrace stack up ${name}\`.`,
      })
    }),
  )
}

async function choosePorts(
  engine: Engine,
  running: boolean,
  before: EngineRecord | undefined,
  options: UpOptions,
): Promise<Ports> {
  const { ports = before?.wanted === 'up' ? before.ports : 'well-known' } = options
  if (running) return before!.ports
  if (ports === 'free') return chooseFreePorts(engine.ports)
  return ports === 'well-known' ? engine.ports : ports
}

interface Start {
  readonly engine: Engine
  readonly service: Service
  readonly place: Place
  readonly installation: Installation
  readonly record: EngineRecord
}

async function startService(start: Start, options: UpOptions): Promise<EngineRecord> {
  const { engine, service, place, installation, record } = start
  const { directory, env, signal } = options
  signal.throwIfAborted()
  await awaitMayStart(engine, service, place, signal)
  for (const port of service.listens) await requireFree(place.ports[port]!, engine.title)
  for (const each of [place.conf, place.logs]) mkdirSync(each, { recursive: true, mode: 0o700 })
  const output = outputFile(place, service)
  if ((statSync(output, { throwIfNoEntry: false })?.size ?? 0) > maxOutputBytes) renameSync(output, `${output}.1`)
  if (!existsSync(place.data)) await createData(start, options)
  for (const each of service.directories?.(place) ?? []) mkdirSync(each, { recursive: true })
  writeConfiguration(engine, service, place, options.settings ?? {})

  options.onStep?.(engine, 'starting')
  const heap = options.heap?.[service.name] ?? service.heap
  const token = place.mark
  const intent: ServiceRecord = { name: service.name, token, pid: null, startedAt: new Date().toISOString(), heap }
  const write = (own: ServiceRecord): EngineRecord => {
    const next = { ...record, services: [...record.services, own] }
    recordEngine(directory, engine.name, next)
    return next
  }
  // Before it starts, so that whoever comes after a crash finds it.
  write(intent)
  const pid = await startDetached({
    ...installation.serve(service.start(place), { mark: token, heap }),
    cwd: dirname(place.data),
    output,
    env: { ...environmentOf(env, service, place), [markVariable]: token },
  })
  return write({ ...intent, pid })
}

/** Creates a service's data, in a directory of its own that is renamed when all is there. */
async function createData({ engine, service, place, installation }: Start, options: UpOptions): Promise<void> {
  const own = dirname(place.data)
  for (const name of readdirSync(own).filter(each => each.startsWith('new-'))) {
    rmSync(join(own, name), { recursive: true, force: true })
  }
  const fresh = mkdtempSync(join(own, 'new-'))
  const there: Place = { ...place, conf: join(fresh, 'conf'), data: join(fresh, 'data') }
  for (const each of [there.conf, there.data]) mkdirSync(each, { mode: 0o700 })
  const { owner } = installation
  if (owner !== null) chownSync(there.data, owner.uid, owner.gid)
  const preparing = service.prepare(there)
  if (preparing !== null) {
    options.onStep?.(engine, 'preparing')
    writeConfiguration(engine, service, there, options.settings ?? {})
    const { command, args } = installation.prepare(preparing)
    const env = environmentOf(options.env, service, there)
    const run = await runProgram(command, args, { env, signal: options.signal, limitMs: prepareLimitMs })
    if (run.error !== null) {
      throw failedToStart(engine, service, place.logs, `${run.stdout}${run.stderr}` || run.error.message)
    }
  }
  renameSync(there.data, place.data)
  rmSync(fresh, { recursive: true, force: true })
}

/** What any program needs and what this one does, and nothing that an engine would take for its configuration. */
function environmentOf(env: NodeJS.ProcessEnv, service: Service, place: Place): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'LD_LIBRARY_PATH']
  const kept = names.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]]]))
  return { ...Object.fromEntries(kept), ...service.environment?.(place), ...place.secrets }
}

function outputFile({ logs }: Pick<Place, 'logs'>, { name }: Service): string {
  return join(logs, `${name}.out`)
}

function writeConfiguration(
  engine: Engine,
  service: Service,
  place: Place,
  settings: NonNullable<UpOptions['settings']>,
): void {
  const { conf, data, logs, ports } = place
  const named = Object.entries(ports).map(([name, port]) => [`port.${name}`, port] as const)
  const values = { data, logs, service: service.name, ...Object.fromEntries(named) }
  for (const name of service.templates) {
    const text = fillTemplate(readFileSync(stackFile(engine.folder, name), 'utf8'), values)
    const changed = name === engine.settingsFile ? applySettings(text, settings, name.endsWith('.yaml')) : text
    writeFileSync(join(conf, name), changed, { mode: 0o600 })
  }
  for (const [name, text] of Object.entries(service.files?.(place) ?? {})) {
    writeFileSync(join(conf, name), text, { mode: 0o600 })
  }
}

async function awaitService(engine: Engine, service: Service, record: EngineRecord, options: UpOptions): Promise<void> {
  const { token, startedAt } = record.services.find(({ name }) => name === service.name)!
  const logs = join(serviceDirectory(options.directory, engine, service.name), 'logs')
  const { ports, connection } = record
  const target = { ports, connection, mark: token, startedAt }
  await awaitHealthy({ engine, service, target, logs, signal: options.signal })
}
