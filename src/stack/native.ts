import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
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
import { fetchArtifact, stackFile } from './artifacts.ts'
import type { Engine, Place, Ports, Service } from './engine.ts'
import { awaitHealthy, awaitMayStart, failedToStart } from './health.ts'
import { chooseJava, findJavas, type Java } from './java.ts'
import { serviceDirectory } from './logs.ts'
import type { StackOptions, UpOptions } from './options.ts'
import { chooseFreePorts, requireFree } from './port.ts'
import { endMarked, findMarked, markOf, startDetached } from './process.ts'
import { type EngineRecord, readStack, recordEngine, refuseOther, type ServiceRecord } from './record.ts'
import { secretFile, secretOf } from './secret.ts'
import { applySettings, fillTemplate } from './template.ts'

/** How long creating an engine's data may take, in milliseconds. */
const prepareLimitMs = 60_000

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
  const javas = findJavas(env)
  const java = chooseJava(javas, engine.java, engine.title)
  const onDownload = () => options.onStep?.(engine, 'downloading')
  const files = await fetchArtifact(engine, { env, javas, signal, onDownload })
  const ports = await choosePorts(engine, alive.size > 0, before, options)
  let record: EngineRecord = {
    kind: engine.kind,
    runs: 'native',
    title: engine.title,
    wanted: 'up',
    address: engine.address(ports),
    connection: engine.connection(ports, secretFile(directory, engine)),
    ports,
    services: before?.wanted === 'up' ? before.services.filter(({ token }) => alive.has(token)) : [],
  }
  for (const service of engine.services) {
    if (!record.services.some(({ name }) => name === service.name)) {
      const place = { ...placeOf(directory, engine, service, ports), files, mark: randomUUID() }
      record = await startService({ engine, service, place, java, record }, options)
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
  for (const { name } of engine.services.toReversed()) {
    const service = record.services.find(each => each.name === name)
    if (service !== undefined) await endMarked(service.token, stopLimitMs)
  }
  recordEngine(options.directory, engine.name, { ...record, wanted: 'down', services: [] })
  options.onStep?.(engine, 'stopped')
}

function placeOf(directory: string, engine: Engine, service: Service, ports: Ports): Omit<Place, 'files' | 'mark'> {
  const own = serviceDirectory(directory, engine, service.name)
  return { conf: join(own, 'conf'), data: join(own, 'data'), logs: join(own, 'logs'), ports }
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
  readonly java: Java
  readonly record: EngineRecord
}

async function startService(start: Start, options: UpOptions): Promise<EngineRecord> {
  const { engine, service, place, java, record } = start
  const { directory, env, signal } = options
  signal.throwIfAborted()
  await awaitMayStart(engine, service, place.ports, signal)
  for (const port of service.listens) await requireFree(place.ports[port]!, engine.title)
  for (const each of [place.conf, place.logs]) mkdirSync(each, { recursive: true, mode: 0o700 })
  const output = outputFile(place, service)
  if ((statSync(output, { throwIfNoEntry: false })?.size ?? 0) > maxOutputBytes) renameSync(output, `${output}.1`)
  if (!existsSync(place.data)) await createData(start, options)
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
  const args = [markOf(token), `-Xmx${heap}`, ...service.start(place)]
  const pid = await startDetached({
    command: javaOf(java),
    args,
    cwd: dirname(place.data),
    output,
    env: { ...environmentOf(env), ...service.environment?.(place), ...secretOf(engine, directory, env) },
  })
  return write({ ...intent, pid })
}

/** Creates a service's data, in a directory of its own that is renamed when all is there. */
async function createData({ engine, service, place, java }: Start, options: UpOptions): Promise<void> {
  const own = dirname(place.data)
  for (const name of readdirSync(own).filter(each => each.startsWith('new-'))) {
    rmSync(join(own, name), { recursive: true, force: true })
  }
  const fresh = mkdtempSync(join(own, 'new-'))
  const there: Place = { ...place, conf: join(fresh, 'conf'), data: join(fresh, 'data') }
  for (const each of [there.conf, there.data]) mkdirSync(each, { mode: 0o700 })
  const args = service.prepare(there)
  if (args !== null) {
    options.onStep?.(engine, 'preparing')
    writeConfiguration(engine, service, there, options.settings ?? {})
    await runJava(java, args, options, error => {
      throw failedToStart(engine, service, place.logs, error)
    })
  }
  renameSync(there.data, place.data)
  rmSync(fresh, { recursive: true, force: true })
}

async function runJava(
  java: Java,
  args: readonly string[],
  { env, signal }: StackOptions,
  onError: (output: string) => never,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<string | null>()
  execFile(
    javaOf(java),
    ['-Xmx256m', ...args],
    { env: environmentOf(env), signal, timeout: prepareLimitMs },
    (error, stdout, stderr) => {
      resolve(error === null ? null : `${stdout}${stderr}` || error.message)
    },
  )
  const output = await promise
  signal.throwIfAborted()
  if (output !== null) onError(output)
}

/** What a Java program needs, and nothing that an engine would take for its configuration, or for its secrets. */
function environmentOf(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'LD_LIBRARY_PATH']
  return Object.fromEntries(names.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]]])))
}

function javaOf({ home }: Java): string {
  return join(home, 'bin/java')
}

function outputFile({ logs }: Pick<Place, 'logs'>, { name }: Service): string {
  return join(logs, `${name}.out`)
}

function writeConfiguration(
  engine: Engine,
  service: Service,
  { conf, data, logs, ports }: Place,
  settings: NonNullable<UpOptions['settings']>,
): void {
  const named = Object.entries(ports).map(([name, port]) => [`port.${name}`, port] as const)
  const values = { data, logs, service: service.name, ...Object.fromEntries(named) }
  for (const name of service.templates) {
    const text = fillTemplate(readFileSync(stackFile(engine.folder, name), 'utf8'), values)
    const changed = name === engine.settingsFile ? applySettings(text, settings, name.endsWith('.yaml')) : text
    writeFileSync(join(conf, name), changed, { mode: 0o600 })
  }
}

async function awaitService(engine: Engine, service: Service, record: EngineRecord, options: UpOptions): Promise<void> {
  const { token } = record.services.find(({ name }) => name === service.name)!
  const logs = join(serviceDirectory(options.directory, engine, service.name), 'logs')
  const { ports, connection } = record
  await awaitHealthy({ engine, service, token, ports, connection, logs, signal: options.signal })
}
