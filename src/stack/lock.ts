import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { MillraceError } from '../sdk/errors.ts'

export interface LockOptions {
  /** How long to wait for another process, in milliseconds. */
  readonly limitMs: number
  readonly signal: AbortSignal
  /** Told once if another process has it. */
  onWait?(): void
}

/** How often to try again, in milliseconds. */
const pollMs = 100

/**
 * Does `work` while no other process, and nobody else in this one, does any under the same lock. It is an open transaction,
 * which the kernel takes back when the process ends, even by SIGKILL.
 * @param path of a database of its own
 * @throws MillraceError `STATE_IN_USE` after the time.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const database = new DatabaseSync(path)
  try {
    await begin(database, path, options)
    return await work()
  } finally {
    database.close()
  }
}

async function begin(database: DatabaseSync, path: string, { limitMs, signal, onWait }: LockOptions): Promise<void> {
  const end = performance.now() + limitMs
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted()
    if (tryBegin(database)) return
    if (attempt === 0) onWait?.()
    if (performance.now() >= end) {
      throw new MillraceError('STATE_IN_USE', 'Another millrace stack command is still at work here.', {
        place: path,
        fix: 'Wait for it to end, or end it, and try again.',
      })
    }
    await delay(pollMs, undefined, { signal })
  }
}

function tryBegin(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (/locked|busy/.test((error as Error).message)) return false
    throw error
  }
}
