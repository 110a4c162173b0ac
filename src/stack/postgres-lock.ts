import { existsSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Removes the lock file of a server that was killed. PostgreSQL would believe it as long as there is a process of that
 * number, and there may be one for ever: the killed one, where nobody asks for its exit code, or another one.
 * @param data its data directory, in which every process of a server works
 * @throws Error while one of them is still there
 */
export function requireNoServer(data: string): void {
  const lock = join(data, 'postmaster.pid')
  if (process.platform !== 'linux' || !existsSync(lock)) return
  const directory = realpathSync(data)
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const left = pids.filter(pid => workingDirectory(pid) === directory)
  if (left.length > 0) throw new Error(`processes ${left.join(', ')} of a server that was killed have not ended`)
  rmSync(lock)
}

function workingDirectory(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // It has ended, or belongs to another user.
    return null
  }
}
