import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { locks } from 'node:worker_threads'

/** A process as another one can recognise it, so that its death is certain at once and need not be waited for. */
export interface ProcessIdentity {
  readonly host: string
  readonly pid: number
  /** When it started, in the kernel's own terms: tells a pid's next user apart. Empty where it can't be known. */
  readonly started: string
}

export function thisProcess(): ProcessIdentity {
  return { host: hostname(), pid: process.pid, started: processStart(process.pid)?.started ?? '' }
}

/** Whether it is certain that the process has ended. Of another host nothing is certain. */
export function processGone(other: ProcessIdentity, self: ProcessIdentity): boolean {
  if (other.host !== self.host) return false
  if (other.pid === self.pid) return other.started !== self.started
  try {
    process.kill(other.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  const found = processStart(other.pid)
  if (found === null) return false
  return found.ended || (other.started !== '' && other.started !== found.started)
}

/** From Linux's /proc/<pid>/stat, see proc(5); null elsewhere. */
function processStart(pid: number): { started: string; ended: boolean } | null {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null
  }
  // The second field is the program's name and may hold spaces and brackets; the third is the state.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  // A zombie still has its pid although nothing of it runs any more.
  return { started: fields[19] ?? '', ended: state === 'Z' || state === 'X' }
}

/**
 * Marks `token` as held by this thread until the returned function is called or the thread ends, however it ends:
 * the runtime gives up an ended thread's locks, which is how the others of its process learn of it.
 */
export async function holdToken(token: string): Promise<() => void> {
  const held = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  void locks.request(lockName(token), () => {
    held.resolve()
    return released.promise
  })
  await held.promise
  return () => released.resolve()
}

/** Whether no thread of this process holds the token. */
export async function tokenFree(token: string): Promise<boolean> {
  return await locks.request(lockName(token), { ifAvailable: true }, lock => lock !== null)
}

function lockName(token: string): string {
  return `millrace-member-${token}`
}
