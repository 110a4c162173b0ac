import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFailed, onTestFinished } from 'vitest'
import type { TargetConfig } from '../../../src/sdk/config.ts'
import type { Readers } from './readers.ts'

const root = resolve(import.meta.dirname, '../../..')
const usersProject = join(root, 'test/engines/project')

export const stage = 'users/spark_stream'
export const group = 'users.spark_stream'
export const topic = 'users_created'
export const deadLetterTopic = 'users_created.dlq'
export const partitions = 4

export interface Surroundings {
  readonly target: TargetConfig
  /** A state directory that the workers of a test share. */
  readonly statePath: string
  readonly env?: NodeJS.ProcessEnv
  /** A project with a target `test`, which reads `TEST_TARGET`. Default: that of the users pipeline. */
  readonly project?: string
}

/** A state that a worker said it is in, and why if it is paused. */
export interface WorkerState {
  readonly state: string
  readonly error: {
    readonly code: string
    readonly message: string
    readonly place: string | null
    readonly fix: string | null
  } | null
}

/** How a process of `millrace run` ended. */
export interface WorkerExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last line of its output; null if it had no time to write one. */
  readonly outcome: {
    readonly kind: string
    readonly result?: unknown
    readonly error?: { readonly code: string }
  } | null
}

/** `millrace run users/spark_stream`, a real process. */
export interface Worker {
  readonly pid: number
  /** What it is called in the group. */
  readonly name: string
  readonly exited: Promise<WorkerExit>
  /** Lines that it wrote on standard error. */
  readonly log: readonly string[]
  /** Oldest first. */
  readonly states: readonly WorkerState[]
  /** How many rows it said it has written. */
  rows(): number
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves when it has drained and ended. */
  stop(): Promise<WorkerExit>
  /** Such as SIGSTOP and SIGCONT. */
  signal(signal: NodeJS.Signals): void
}

/** Of a worker's log, where its test fails. */
const shownLines = 20

/** Starts a worker, which ends with the test at the latest. @param args further options of `millrace run` */
export function startWorker(surroundings: Surroundings, ...args: readonly string[]): Worker {
  return startRun(surroundings, stage, ...args)
}

/** The same for any stage. */
export function startRun(surroundings: Surroundings, address: string, ...args: readonly string[]): Worker {
  const child = millrace(surroundings, 'run', address, ...args)
  onTestFinished(() => void child.kill('SIGKILL'))
  const log: string[] = []
  onTestFailed(() => console.error([`What worker ${child.pid} said last:`, ...log.slice(-shownLines)].join('\n')))
  const states: WorkerState[] = []
  let outcome: WorkerExit['outcome'] = null
  let rows = 0
  createInterface(child.stderr).on('line', line => log.push(line))
  createInterface(child.stdout).on('line', line => {
    const said = JSON.parse(line) as NonNullable<WorkerExit['outcome']> & WorkerState
    if (said.kind === 'state') states.push(said)
    else if (said.kind === 'progress') rows = (said.result as { readonly rows?: number }).rows ?? 0
    else outcome = said
  })
  const exited = once(child, 'close').then(([code, signal]): WorkerExit => ({ code, signal, outcome }))
  return {
    pid: child.pid!,
    name: `${hostname()}.${child.pid}`,
    exited,
    ...{ log, states },
    rows: () => rows,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    stop: () => {
      child.kill('SIGTERM')
      return exited
    },
    signal: signal => void child.kill(signal),
  }
}

/** `millrace dev` of the users pipeline, which ends with the test at the latest; resolves with its exit code when it was stopped. */
export function startDev(surroundings: Surroundings, ...args: readonly string[]): () => Promise<number | null> {
  const child = millrace(surroundings, 'dev', 'users', ...args)
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdout.resume()
  child.stderr.resume()
  const closed = once(child, 'close') as Promise<[number | null]>
  return async () => {
    child.kill('SIGINT')
    return (await closed)[0]
  }
}

/** Runs a command of `millrace` on the target to its end, and returns its output. @throws if it fails */
export async function runMillrace(surroundings: Surroundings, ...args: readonly string[]): Promise<readonly string[]> {
  const { code, lines, log } = await tryMillrace(surroundings, ...args)
  if (code === 0) return lines
  throw new Error(`millrace ${args.join(' ')} ended with ${code}:\n${[...log, ...lines].join('\n')}`)
}

/** The same, however it ends. */
export async function tryMillrace(
  surroundings: Surroundings,
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly lines: readonly string[]; readonly log: readonly string[] }> {
  const child = millrace(surroundings, ...args)
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const log: string[] = []
  createInterface(child.stderr).on('line', line => log.push(line))
  createInterface(child.stdout).on('line', line => lines.push(line))
  const [code] = await once(child, 'close')
  return { code, lines, log }
}

function millrace({ target, statePath, env, project = usersProject }: Surroundings, ...args: readonly string[]) {
  const options = ['--project', project, '--target', 'test', '--json']
  return spawn(process.execPath, [join(root, 'bin/millrace.js'), ...args, ...options], {
    env: { ...process.env, ...env, TEST_TARGET: JSON.stringify(target), MILLRACE_STATE: statePath },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Resolves when the group has these members and no others, and every partition has one owner. */
export async function shared(
  readers: Readers,
  workers: readonly Worker[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const names = workers.map(({ name }) => name).sort()
  const state = await until(
    `the group is ${names.join(', ')} and has all partitions`,
    () => readers.group(group),
    ({ state, members }) =>
      state === 'Stable' &&
      JSON.stringify(members.map(({ name }) => name).sort()) === JSON.stringify(names) &&
      JSON.stringify(members.flatMap(each => each.partitions).sort()) ===
        JSON.stringify(Array.from({ length: partitions }, (_, partition) => partition)),
  )
  return new Map(state.members.map(({ name, partitions }) => [name, partitions]))
}

/** Resolves when the group has committed every record that is in the topic now. */
export async function caughtUp(readers: Readers, timeoutMs?: number): Promise<void> {
  const ends = await readers.ends(topic, partitions)
  await until(
    `the group is at ${ends.join(', ')}`,
    () => readers.committed(group, topic),
    committed => ends.every((end, partition) => (committed.get(partition) ?? 0) >= end),
    timeoutMs,
  )
}

/** Looks again and again until what it sees is as wanted, and returns that. @throws after `timeoutMs`, 60 s by default */
export async function until<T>(
  what: string,
  look: () => Promise<T>,
  wanted: (seen: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (wanted(seen)) return seen
    if (performance.now() > deadline) {
      const last = JSON.stringify(seen, (_, value: unknown) => (value instanceof Map ? [...value] : value))
      throw new Error(`Not so after ${timeoutMs / 1_000} s: ${what}. Seen last: ${last}`)
    }
    await sleep(50)
  }
}
