import { hostname } from 'node:os'
import { MillraceError } from '../../../sdk/errors.ts'
import type { Store } from './store.ts'

export interface Lease {
  readonly token: string
  readonly owner: string
  readonly host: string
  readonly pid: number
  /** Raised by the holder as long as it lives. */
  readonly beat: number
}

export function currentLease(store: Store): Lease | null {
  return store.one<Lease>('SELECT token, owner, host, pid, beat FROM lease') ?? null
}

/** Whether nobody can be holding it: there is none, or its process on this host is gone. */
export function isFree(lease: Lease | null): boolean {
  return lease === null || (lease.host === hostname() && !isAlive(lease.pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, but belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Within a transaction. */
export function take(store: Store, token: string, owner: string): void {
  store.change(
    'INSERT OR REPLACE INTO lease (only, token, owner, host, pid) VALUES (1, ?, ?, ?, ?)',
    ...[token, owner, hostname(), process.pid],
  )
}

/** Says that the holder lives. @throws MillraceError `SCHEDULER_FENCED`. */
export function renew(store: Store, token: string): void {
  if (store.change('UPDATE lease SET beat = beat + 1 WHERE token = ?', token) === 0) throw fenced()
}

export function release(store: Store, token: string): void {
  store.change('DELETE FROM lease WHERE token = ?', token)
}

/**
 * A transaction of the holder; a former holder, however late it wakes up, changes nothing.
 * @throws MillraceError `SCHEDULER_FENCED`.
 */
export function writeAsHolder<T>(store: Store, token: string, work: () => T): T {
  return store.write(() => {
    if (currentLease(store)?.token !== token) throw fenced()
    return work()
  })
}

function fenced(): MillraceError {
  return new MillraceError('SCHEDULER_FENCED', 'Another scheduler has taken over.', {
    fix: 'Nothing: this one waits as a standby.',
  })
}
