import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { killStarted, markVariable } from './process.ts'

/** A program that is to run all the time. */
export interface Component {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** On top of the supervisor's own. */
  readonly env?: { readonly [name: string]: string }
}

export interface Supervision {
  /** The first is what the others need: it ends last. */
  readonly components: readonly Component[]
  /** Where each component's output is kept, in `<name>.log`. */
  readonly logs: string
  /** How long all of them together may take to end by themselves, in milliseconds. */
  readonly drainMs: number
}

export interface SuperviseOptions extends Supervision {
  /** The supervisor's own, see `markVariable`. */
  readonly token: string
  readonly env: NodeJS.ProcessEnv
  /** Aborted when the components shall end. */
  readonly stop: AbortSignal
  say(line: string): void
}

/** A component that ran for so long, in milliseconds, is started again as if it had not failed before. */
const steadyMs = 60_000

/** How long to wait before a component is started again, in milliseconds: half a second, twice that each time, at most 30 s. */
export function restartDelayMs(failures: number): number {
  return Math.min(30_000, 500 * 2 ** (failures - 1))
}

/**
 * Runs the components, each in a session of its own, and starts again what has ended, whatever it ended with. Before that
 * everything that it had started is killed: its workers go on without it, and would do the same work as the new ones.
 * Resolves when it was told to stop and nothing is left.
 */
export async function supervise(options: SuperviseOptions): Promise<void> {
  const { components, drainMs, stop, token } = options
  const stops = components.map(() => new AbortController())
  const running = components.map((component, index) => keepRunning(component, options, stops[index]!.signal))
  if (!stop.aborted) await once(stop, 'abort')
  const end = AbortSignal.timeout(drainMs)
  const [first, ...others] = running
  for (const each of stops.slice(1)) each.abort()
  await beforeEnd(Promise.all(others), end)
  stops[0]?.abort()
  await beforeEnd(first, end)
  await Promise.all(components.map(({ name }) => killStarted(markOfComponent(token, name))))
  await Promise.all(running)
}

/** What the environment of a component and of all that it starts says, see `markVariable`. */
function markOfComponent(token: string, name: string): string {
  return `${token}/${name}`
}

async function beforeEnd(work: Promise<unknown> | undefined, end: AbortSignal): Promise<void> {
  if (!end.aborted) await Promise.race([work, once(end, 'abort')])
}

async function keepRunning(component: Component, options: SuperviseOptions, stop: AbortSignal): Promise<void> {
  const { token, say } = options
  const mark = markOfComponent(token, component.name)
  for (let failures = 0; ; ) {
    const begun = performance.now()
    const ending = await runOnce(component, mark, options, stop)
    await killStarted(mark)
    if (stop.aborted) return
    failures = performance.now() - begun >= steadyMs ? 1 : failures + 1
    const delayMs = restartDelayMs(failures)
    say(`${component.name} ended with ${ending}; it is started again in ${delayMs / 1_000} s`)
    await delay(delayMs, undefined, { signal: stop }).catch(() => {})
    if (stop.aborted) return
  }
}

/** How it ended: an exit code, a signal, or why it could not be run. */
async function runOnce(
  { name, command, args, env: own }: Component,
  mark: string,
  { env, logs, say }: SuperviseOptions,
  stop: AbortSignal,
): Promise<string> {
  const child = spawn(command, args, {
    env: { ...env, ...own, [markVariable]: mark },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log = new RotatingFile(join(logs, `${name}.log`))
  const ended = endingOf(child)
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => log.write(chunk))
  if (child.pid !== undefined) say(`${name} is process ${child.pid}`)
  const ask = () => child.kill('SIGTERM')
  stop.addEventListener('abort', ask, { once: true })
  if (stop.aborted) ask()
  try {
    return await ended
  } finally {
    stop.removeEventListener('abort', ask)
    // Workers that it has left may hold the other ends.
    for (const stream of [child.stdout, child.stderr]) stream.destroy()
    log.close()
  }
}

function endingOf(child: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`))
  child.once('error', error => resolve(error.message))
  return promise
}

/** A log is kept up to this size, and once more, in bytes. */
const maxLogBytes = 10 * 1024 * 1024

class RotatingFile {
  readonly #path: string
  #file: number
  #size: number

  constructor(path: string) {
    this.#path = path
    this.#file = openSync(path, 'a', 0o600)
    this.#size = fstatSync(this.#file).size
  }

  write(chunk: Buffer): void {
    if (this.#size + chunk.length > maxLogBytes) {
      closeSync(this.#file)
      renameSync(this.#path, `${this.#path}.1`)
      this.#file = openSync(this.#path, 'a', 0o600)
      this.#size = 0
    }
    writeSync(this.#file, chunk)
    this.#size += chunk.length
  }

  close(): void {
    closeSync(this.#file)
  }
}
