import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { MillraceError } from '../sdk/errors.ts'

/**
 * A Java system property with a random value, on the command line of a process that was started here. It is what tells the
 * process from all others: a pid may be given to another process, and may not have been noted yet.
 */
const property = 'millrace.stack'

export function markOf(token: string): string {
  return `-D${property}=${token}`
}

export interface StartOptions {
  readonly command: string
  /** One of them is the mark. */
  readonly args: readonly string[]
  readonly cwd: string
  /** What it writes to standard output and standard error is appended here. */
  readonly output: string
  readonly env: NodeJS.ProcessEnv
}

/**
 * Starts a process in a session of its own, so that it outlives this one and no Ctrl-C reaches it.
 * @throws MillraceError `ENGINE_FAILED` if there is no such program.
 */
export async function startDetached({ command, args, cwd, output, env }: StartOptions): Promise<number> {
  const log = openSync(output, 'a', 0o600)
  try {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', log, log] })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    child.once('spawn', resolve)
    child.once('error', error => {
      reject(new MillraceError('ENGINE_FAILED', `${command} cannot be run: ${error.message}.`, { cause: error }))
    })
    await promise
    child.unref()
    return child.pid!
  } finally {
    closeSync(log)
  }
}

/** The pids of processes that carry the marks, by token. A process that has ended but is not collected yet has none. */
export function findMarked(tokens: readonly string[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  if (tokens.length === 0) return found
  const marks = new Map(tokens.map(token => [markOf(token), token]))
  for (const { pid, args } of listProcesses()) {
    const token = args.map(arg => marks.get(arg)).find(each => each !== undefined)
    if (token !== undefined) found.set(token, pid)
  }
  return found
}

interface ListedProcess {
  readonly pid: number
  readonly args: readonly string[]
}

function listProcesses(): readonly ListedProcess[] {
  return process.platform === 'linux' ? listProc() : listPs()
}

function listProc(): readonly ListedProcess[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => ({ pid: Number(name), args: readArguments(name) }))
}

function readArguments(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // It has ended meanwhile.
    return []
  }
}

function listPs(): readonly ListedProcess[] {
  const text = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  return text.split('\n').map(line => {
    const [pid, ...args] = line.trim().split(/\s+/)
    return { pid: Number(pid), args }
  })
}

/** How often to look whether a process has ended, in milliseconds: nobody tells those that are not its parent. */
const pollMs = 25

/** Whether the process ended within the time, and gave back what it held, such as its ports. */
export async function awaitEnd(pid: number, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs
  while (!hasEnded(pid)) {
    if (performance.now() >= end) return false
    await delay(pollMs)
  }
  return true
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  return process.platform === 'linux' && isUncollected(pid)
}

/** Whether only its parent's not having asked for its exit code keeps a process listed; for ever, in many containers. */
function isUncollected(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name comes before, in parentheses, and may hold anything.
    const state = stat.slice(stat.lastIndexOf(')') + 2)[0]
    return state === 'Z' && readdirSync(`/proc/${pid}/task`).length === 1
  } catch {
    return true
  }
}

/** Signals the process and what it has started. Returns its pid; null if there is none. */
export function signalMarked(token: string, signal: NodeJS.Signals): number | null {
  const pid = findMarked([token]).get(token)
  if (pid === undefined) return null
  try {
    process.kill(-pid, signal)
    return pid
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null
    throw error
  }
}

/** How long a killed process may take to be gone, in milliseconds. */
const killLimitMs = 10_000

/** Kills the process and waits until it is gone. @throws MillraceError `ENGINE_FAILED` if it does not go. */
export async function killMarked(token: string): Promise<void> {
  const pid = signalMarked(token, 'SIGKILL')
  if (pid === null || (await awaitEnd(pid, killLimitMs))) return
  throw new MillraceError('ENGINE_FAILED', `Process ${pid} was killed and does not end.`)
}

/** Asks the process to end, and kills it if it does not within the time. @throws MillraceError `ENGINE_FAILED`. */
export async function endMarked(token: string, limitMs: number): Promise<void> {
  const pid = signalMarked(token, 'SIGTERM')
  if (pid === null) return
  // A stopped process does not see the request before it goes on.
  signalMarked(token, 'SIGCONT')
  if (!(await awaitEnd(pid, limitMs))) await killMarked(token)
}
