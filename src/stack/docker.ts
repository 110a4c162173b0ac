import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MillraceError } from '../sdk/errors.ts'
import type { Engine, Ports } from './engine.ts'
import { engines } from './engines.ts'
import { engineDirectory } from './logs.ts'
import type { StackOptions, UpOptions } from './options.ts'
import { chooseFreePorts, requireFree } from './port.ts'
import { runProgram } from './program.ts'
import { type EngineRecord, readStack, recordEngine, refuseOther } from './record.ts'
import { secretsOf } from './secret.ts'

/** How long images may take to be downloaded and containers to be healthy, in milliseconds. */
const upLimitMs = 20 * 60_000
const commandLimitMs = 2 * 60_000
const probeLimitMs = 5_000

const root = new URL('../../', import.meta.url)

/** Whether a Docker engine answers and has Compose. */
export async function hasDocker({ env, signal }: Pick<StackOptions, 'env' | 'signal'>): Promise<boolean> {
  for (const args of [['info'], ['compose', 'version']]) {
    const { error } = await runProgram('docker', args, { env, signal, limitMs: probeLimitMs })
    if (error !== null) return false
  }
  return true
}

/** @throws MillraceError `ENGINE_MISSING`. */
export async function requireDocker(options: Pick<StackOptions, 'env' | 'signal'>): Promise<void> {
  if (await hasDocker(options)) return
  throw new MillraceError('ENGINE_MISSING', 'There is no Docker engine with Compose that answers.', {
    place: 'docker info, docker compose version',
    fix: 'Start Docker, or use --native.',
  })
}

/** Starts engines in containers, all at once, and resolves when they are healthy. The caller holds the stack's lock. */
export async function startDocker(engines: readonly Engine[], options: UpOptions): Promise<readonly EngineRecord[]> {
  const { directory } = options
  const before = readStack(directory).engines
  for (const engine of engines) refuseOther(engine, 'docker', before[engine.name])
  const records: EngineRecord[] = []
  for (const engine of engines) {
    const old = before[engine.name]
    const running = old?.wanted === 'up'
    const ports = running ? old.ports : await choosePorts(engine, options)
    records.push({
      kind: engine.kind,
      runs: 'docker',
      title: titleOf(engine),
      wanted: 'up',
      address: engine.name === 'schema-registry' ? `http://127.0.0.1:${ports.client}` : engine.address(ports),
      connection:
        engine.name === 'schema-registry'
          ? { url: `http://127.0.0.1:${ports.client}` }
          : engine.connection(ports, engineDirectory(directory, engine)),
      ports,
      services: [],
    })
  }
  for (const { connection } of records) {
    // Docker would create it, as root's.
    if ('dagsFolder' in connection) mkdirSync(connection.dagsFolder, { recursive: true })
  }
  for (const [index, engine] of engines.entries()) {
    recordEngine(directory, engine.name, records[index]!)
    options.onStep?.(engine, 'starting')
  }
  writeEnvironment(directory, options)
  const args = ['up', '--detach', '--wait', '--wait-timeout', '600', ...engines.flatMap(containersOf)]
  await compose(args, options, upLimitMs)
  for (const engine of engines) options.onStep?.(engine, 'healthy')
  return records
}

/** Stops and removes containers; volumes stay. The caller holds the stack's lock. */
export async function stopDocker(engines: readonly Engine[], options: StackOptions): Promise<void> {
  for (const engine of engines) options.onStep?.(engine, 'stopping')
  await compose(['rm', '--stop', '--force', ...engines.flatMap(containersOf)], options, commandLimitMs)
  for (const engine of engines) {
    const record = readStack(options.directory).engines[engine.name]
    if (record !== undefined) recordEngine(options.directory, engine.name, { ...record, wanted: 'down' })
    options.onStep?.(engine, 'stopped')
  }
}

/** Deletes the volumes of engines that are stopped. */
export async function deleteVolumes(engines: readonly Engine[], options: StackOptions): Promise<void> {
  const project = projectName(options.directory)
  const volumes = engines.flatMap(engine => volumesOf(engine).map(name => `${project}_${name}`))
  if (volumes.length > 0) await docker(['volume', 'rm', '--force', ...volumes], options, commandLimitMs)
}

/** What Docker says of each container: its service's name, and `running (healthy)` or the like. */
export async function containerStates(options: StackOptions): Promise<ReadonlyMap<string, string>> {
  const text = await compose(['ps', '--all', '--format', 'json'], options, commandLimitMs)
  return parseContainers(text)
}

/** Compose prints a JSON document a line, and printed one list before version 2.21. */
export function parseContainers(text: string): ReadonlyMap<string, string> {
  const documents = text
    .split('\n')
    .filter(line => line.trim() !== '')
    .flatMap(line => JSON.parse(line) as { Service: string; State: string; Health?: string })
  return new Map(
    documents.map(({ Service, State, Health }) => [Service, Health ? `${State} (${Health})` : State] as const),
  )
}

/** The command line that follows the logs of engines. */
export function dockerLogs(engines: readonly Engine[], directory: string, args: readonly string[]): readonly string[] {
  return [...composeArgs(directory), 'logs', ...args, ...engines.flatMap(containersOf)]
}

function titleOf({ kind, title }: Engine): string {
  if (kind === 'schema-registry') return 'Confluent Schema Registry 8.0.0'
  if (kind === 'spark-standalone') return engines.spark.title
  if (kind === 'postgres') return 'PostgreSQL 18.4'
  return kind === 'kafka-zookeeper' ? 'Confluent Kafka 7.9.0 (3.9) with ZooKeeper 3.8.4' : title
}

/** The services of an engine in the compose files. */
export function containersOf({ kind, name }: Engine): readonly string[] {
  if (kind === 'kafka-zookeeper') return [name, 'zookeeper']
  return kind === 'airflow' ? [name, 'airflow-scheduler', 'airflow-dag-processor'] : [name]
}

function volumesOf({ kind, name }: Engine): readonly string[] {
  if (name === 'spark') return []
  if (kind === 'kafka-zookeeper') return ['kafka-zookeeper', 'zookeeper', 'zookeeper-log']
  if (kind === 'airflow') return ['airflow-logs']
  return kind === 'schema-registry' ? [] : [kind]
}

async function choosePorts(engine: Engine, { ports = 'well-known' }: UpOptions): Promise<Ports> {
  if (ports === 'free') return chooseFreePorts({ client: engine.ports.client })
  if (ports !== 'well-known') return ports
  await requireFree(engine.ports.client, engine.title)
  return { client: engine.ports.client }
}

/** A project of its own for each state directory, so that two checkouts do not share containers. */
export function projectName(directory: string): string {
  return `millrace-${createHash('sha256').update(directory).digest('hex').slice(0, 8)}`
}

/** What compose.yaml is filled in with, of every engine that was ever started here: Compose reads all of it each time. */
function writeEnvironment(directory: string, { env, heap = {} }: UpOptions): void {
  const variable = (name: string) => name.toUpperCase().replaceAll('-', '_')
  const records = Object.entries(readStack(directory).engines)
  const secrets = records.flatMap(([, { kind }]) =>
    Object.entries(secretsOf(engines[kind].secrets, engineDirectory(directory, engines[kind]), env)),
  )
  const lines = [
    `MILLRACE_PROJECT=${projectName(directory)}`,
    // What is in no profile is in every one.
    `COMPOSE_PROFILES=${records.map(([name]) => name).join(',')}`,
    ...records.map(([name, { ports }]) => `${variable(name)}_PORT=${ports.client}`),
    ...secrets.map(([name, secret]) => `${name}=${secret}`),
    ...records.flatMap(([, { connection }]) =>
      'dagsFolder' in connection ? [`AIRFLOW_DAGS=${connection.dagsFolder}`] : [],
    ),
    ...Object.entries(heap).map(([service, size]) => `${variable(service)}_HEAP=${size}`),
  ]
  writeFileSync(join(directory, '.env'), `${lines.join('\n')}\n`, { mode: 0o600 })
}

/** The file for ZooKeeper is part of it as long as that Kafka is: without it Compose would start the other one. */
function composeArgs(directory: string): readonly string[] {
  const zooKeeper = readStack(directory).engines.kafka?.kind === 'kafka-zookeeper'
  return [
    'compose',
    ...['--project-name', projectName(directory), '--env-file', join(directory, '.env')],
    ...['compose.yaml', ...(zooKeeper ? ['stack/compose.zookeeper.yaml'] : [])].flatMap(file => [
      '--file',
      fileURLToPath(new URL(file, root)),
    ]),
  ]
}

function compose(args: readonly string[], options: StackOptions, limitMs: number): Promise<string> {
  return docker([...composeArgs(options.directory), ...args], options, limitMs)
}

async function docker(args: readonly string[], options: StackOptions, limitMs: number): Promise<string> {
  const { error, stdout, stderr } = await runProgram('docker', args, { ...options, limitMs })
  if (error === null) return stdout
  const said = (stderr || error.message).trim().split('\n').slice(-3).join('\n')
  throw new MillraceError('ENGINE_FAILED', `Docker could not do it.\n${said}`, {
    place: `docker ${args.join(' ')}`,
    fix: 'See `millrace stack logs`, or run the command yourself.',
    cause: error,
  })
}
