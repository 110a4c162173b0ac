import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { MillraceError } from '../sdk/errors.ts'

/**
 * A setting with a random value, on the command line of a process that was started here. It is what tells the process from
 * all others: a pid may be given to another process, and may not have been noted yet.
 */
export function markOf(token: string): string {
  return `millrace.stack=${token}`
}

/** How programs are told settings: Java's properties, and options. */
const prefixes = ['-D', '--']

/** The same in the environment, which whatever the process starts inherits. */
export const markVariable = 'MILLRACE_STACK'

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
  const marks = new Map(tokens.flatMap(token => prefixes.map(prefix => [`${prefix}${markOf(token)}`, token] as const)))
  for (const { pid, args } of listProcesses('cmdline')) {
    const token = args.map(arg => marks.get(arg)).find(each => each !== undefined)
    if (token !== undefined) found.set(token, pid)
  }
  return found
}

/**
 * The pids of everything that a process has started, itself included, in whatever session it is and whether its parent still
 * lives or not.
 * @param mark what `markVariable` says: a token, or what begins with a token and a slash
 */
export function findStarted(mark: string): readonly number[] {
  const own = `${markVariable}=${mark}`
  return listProcesses('environ')
    .filter(({ args }) => args.some(each => each === own || each.startsWith(`${own}/`)))
    .map(({ pid }) => pid)
}

interface ListedProcess {
  readonly pid: number
  readonly args: readonly string[]
}

/** @param what command lines, or environments: those of other users' processes are empty */
function listProcesses(what: 'cmdline' | 'environ'): readonly ListedProcess[] {
  return process.platform === 'linux' ? listProc(what) : listPs(what)
}

function listProc(what: 'cmdline' | 'environ'): readonly ListedProcess[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => ({ pid: Number(name), args: readStrings(`/proc/${name}/${what}`) }))
}

function readStrings(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\0')
  } catch {
    // It has ended meanwhile, or belongs to another user.
    return []
  }
}

function listPs(what: 'cmdline' | 'environ'): readonly ListedProcess[] {
  const args = [...(what === 'environ' ? ['-E'] : []), '-A', '-ww', '-o', 'pid=,args=']
  const text = execFileSync('ps', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  return text.split('\n').map(line => {
    const [pid, ...words] = line.trim().split(/\s+/)
    return { pid: Number(pid), args: words }
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
  return pid !== undefined && sendSignal(-pid, signal) ? pid : null
}

/** @param pid negative for a process group; false: there is none */
function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
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

/**
 * Kills whatever a process has started and is still there. A process may start another one between two looks, so it looks
 * until there is none.
 * @param mark see `findStarted`
 * @throws MillraceError `ENGINE_FAILED` if some do not go.
 */
export async function killStarted(mark: string): Promise<void> {
  const end = performance.now() + killLimitMs
  for (let pids = runningOf(mark); pids.length > 0; pids = runningOf(mark)) {
    if (performance.now() >= end) {
      throw new MillraceError('ENGINE_FAILED', `Processes ${pids.join(', ')} were killed and do not end.`)
    }
    for (const pid of pids) sendSignal(pid, 'SIGKILL')
    await delay(pollMs)
  }
}

function runningOf(mark: string): readonly number[] {
  return findStarted(mark).filter(pid => !hasEnded(pid))
}

export interface EndOptions {
  /** How long it may take to end by itself, in milliseconds. */
  readonly limitMs: number
  /** How it is asked. Default: SIGTERM. */
  readonly signal?: NodeJS.Signals
}

/**
 * Asks the process to end, and kills it if it does not within the time; then kills what it has left.
 * @throws MillraceError `ENGINE_FAILED`.
 */
export async function endMarked(token: string, { limitMs, signal = 'SIGTERM' }: EndOptions): Promise<void> {
  const pid = signalMarked(token, signal)
  if (pid !== null) {
    // A stopped process does not see the request before it goes on.
    signalMarked(token, 'SIGCONT')
    if (!(await awaitEnd(pid, limitMs))) await killMarked(token)
  }
  await killStarted(token)
}
