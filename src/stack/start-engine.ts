import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection, Engine, EngineKind, Ports } from './engine.ts'
import { engines } from './engines.ts'
import { withLock } from './lock.ts'
import { startNative, stopNative } from './native.ts'
import { withNeeds } from './needs.ts'
import type { UpOptions } from './options.ts'
import { killMarked, killStarted, signalMarked } from './process.ts'
import { readStack, type ServiceRecord } from './record.ts'

export interface StartEngineOptions {
  /** Where its data, logs and configuration are kept; a directory of its own. What was there is used again. */
  readonly directory: string
  /** Default `free`. */
  readonly ports?: NonNullable<UpOptions['ports']>
  /** `-Xmx` by service, such as `{ kafka: '1g' }`. */
  readonly heap?: NonNullable<UpOptions['heap']>
  /** Changes to its settings file, such as server.properties; of Kafka 3.9, to the broker's. */
  readonly settings?: NonNullable<UpOptions['settings']>
  readonly env?: NodeJS.ProcessEnv
  readonly signal?: AbortSignal
}

/** A real engine on 127.0.0.1, for a test or a benchmark. It outlives the process that started it: stop it. */
export interface RunningEngine {
  readonly kind: EngineKind
  /** `127.0.0.1:20123`; of a registry its base URL. */
  readonly address: string
  readonly connection: Connection
  readonly ports: Ports
  /** By service, those that it needs included, such as `{ zookeeper: 4711, kafka: 4712 }`; changes with each `start`. */
  readonly pids: { readonly [service: string]: number }
  /** Starts what does not run, with its data, on the same ports. Resolves when it is healthy. */
  start(): Promise<void>
  /** Ends it in order, by force after 30 s. */
  stop(): Promise<void>
  /** As a crash: SIGKILL, all services or one, with what they have started. Resolves when they are gone. */
  kill(service?: string): Promise<void>
  /** Such as SIGSTOP and SIGCONT. */
  signal(signal: NodeJS.Signals, service?: string): void
}

/**
 * Starts an engine natively, with those that it needs, and resolves when it is healthy.
 * @throws MillraceError as `startNative`; `ENGINE_MISSING` names what is not installed.
 */
export async function startEngine(kind: EngineKind, options: StartEngineOptions): Promise<RunningEngine> {
  const engine = engines[kind]
  const all = withNeeds([engine])
  const { directory, settings = {}, ports: wanted = 'free' } = options
  const lockPath = join(directory, 'lock.db')
  const native = {
    ...options,
    env: options.env ?? process.env,
    signal: options.signal ?? new AbortController().signal,
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const recordOf = ({ name }: Engine) => readStack(directory).engines[name]
  const up = (portsOf: (each: Engine) => NonNullable<UpOptions['ports']>) =>
    withLock(lockPath, { limitMs: lockLimitMs, signal: native.signal }, async () => {
      for (const each of all) {
        await startNative(each, { ...native, ports: portsOf(each), settings: each === engine ? settings : {} })
      }
    })
  await up(each => (each === engine || typeof wanted === 'string' ? wanted : 'free'))
  const { address, connection, ports } = recordOf(engine)!
  const services = (name?: string): readonly ServiceRecord[] =>
    all.flatMap(each => recordOf(each)?.services ?? []).filter(each => name === undefined || each.name === name)
  const signal = (name: NodeJS.Signals, service?: string) => {
    for (const { token } of services(service)) signalMarked(token, name)
  }
  return {
    kind,
    address,
    connection,
    ports,
    get pids() {
      return Object.fromEntries(services().map(({ name, pid }) => [name, pid!]))
    },
    start: () => up(each => recordOf(each)!.ports),
    stop: () =>
      // However the caller's signal stands: this is how it cleans up.
      withLock(lockPath, { limitMs: lockLimitMs, signal: new AbortController().signal }, async () => {
        for (const each of all.toReversed()) await stopNative(each, native)
      }),
    kill: async service => {
      const tokens = services(service).map(({ token }) => token)
      await Promise.all(tokens.map(killMarked))
      await Promise.all(tokens.map(killStarted))
    },
    signal,
  }
}

/** How long another start or stop in the same directory may take, in milliseconds. */
const lockLimitMs = 5 * 60_000
