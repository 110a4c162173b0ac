import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection, EngineKind, Ports } from './engine.ts'
import { engines } from './engines.ts'
import { withLock } from './lock.ts'
import { startNative, stopNative } from './native.ts'
import type { UpOptions } from './options.ts'
import { killMarked, signalMarked } from './process.ts'
import { readStack, type ServiceRecord } from './record.ts'

export interface StartEngineOptions {
  /** Where its data, logs and configuration are kept; a directory of its own. What was there is used again. */
  readonly directory: string
  /** Default `free`. */
  readonly ports?: NonNullable<UpOptions['ports']>
  /** `-Xmx` by service, such as `{ kafka: '1g' }`. */
  readonly heap?: NonNullable<UpOptions['heap']>
  /** Changes to server.properties or cassandra.yaml; of Kafka 3.9, to the broker's. */
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
  /** By service, such as `{ zookeeper: 4711, kafka: 4712 }`; changes with each `start`. */
  readonly pids: { readonly [service: string]: number }
  /** Starts what does not run, with its data, on the same ports. Resolves when it is healthy. */
  start(): Promise<void>
  /** Ends it in order, by force after 30 s. */
  stop(): Promise<void>
  /** As a crash: SIGKILL, all services or one. Resolves when it is gone. */
  kill(service?: string): Promise<void>
  /** Such as SIGSTOP and SIGCONT. */
  signal(signal: NodeJS.Signals, service?: string): void
}

/**
 * Starts an engine natively and resolves when it is healthy.
 * @throws MillraceError as `startNative`; `ENGINE_MISSING` names what is not installed.
 */
export async function startEngine(kind: EngineKind, options: StartEngineOptions): Promise<RunningEngine> {
  const engine = engines[kind]
  const { directory } = options
  const lockPath = join(directory, 'lock.db')
  const native = {
    ...options,
    env: options.env ?? process.env,
    signal: options.signal ?? new AbortController().signal,
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const up = (ports: NonNullable<UpOptions['ports']>) =>
    withLock(lockPath, { limitMs: lockLimitMs, signal: native.signal }, () => startNative(engine, { ...native, ports }))
  const { address, connection, ports } = await up(options.ports ?? 'free')
  const services = (name?: string): readonly ServiceRecord[] =>
    readStack(directory).engines[engine.name]?.services.filter(each => name === undefined || each.name === name) ?? []
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
    start: async () => void (await up(ports)),
    stop: () =>
      // However the caller's signal stands: this is how it cleans up.
      withLock(lockPath, { limitMs: lockLimitMs, signal: new AbortController().signal }, () =>
        stopNative(engine, native),
      ),
    kill: async service => {
      await Promise.all(services(service).map(({ token }) => killMarked(token)))
    },
    signal,
  }
}

/** How long another start or stop in the same directory may take, in milliseconds. */
const lockLimitMs = 5 * 60_000
