import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '../../sdk/errors.ts'
import { writeWholeFile } from '../system/file-system.ts'
import { guard } from './database.ts'

const lockFile = 'lock.db'
const holderFile = 'holder.json'

interface Holder {
  readonly pid: number
  readonly command: string
  /** ISO 8601. */
  readonly since: string
}

/**
 * Holds the directory for this process: an open exclusive transaction, whose lock the kernel takes back when the process
 * ends, even by SIGKILL. Who holds it stands in a file beside it, since nobody else can read the database meanwhile.
 * @throws MillraceError `STATE_IN_USE`, at once.
 */
export function acquireLock(directory: string, command: string): { close(): void } {
  const path = join(directory, lockFile)
  const holderPath = join(directory, holderFile)
  const database = guard(path, () => new DatabaseSync(path))
  try {
    guard(path, () => database.exec('BEGIN EXCLUSIVE'))
    const holder: Holder = { pid: process.pid, command, since: new Date().toISOString() }
    writeWholeFile(holderPath, `${JSON.stringify(holder)}\n`)
  } catch (error) {
    database.close()
    if (error instanceof MillraceError && error.code === 'STORAGE_BUSY') throw inUse(directory, readHolder(holderPath))
    throw error
  }
  function close(): void {
    if (!database.isOpen) return
    process.off('exit', close)
    rmSync(holderPath, { force: true })
    database.close()
  }
  // The listener also keeps the database from being collected, which would free the lock, if the caller drops this.
  process.on('exit', close)
  return { close }
}

function readHolder(path: string): Holder | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder
  } catch {
    // The holder has only just begun, or is ending.
    return null
  }
}

function inUse(directory: string, holder: Holder | null): MillraceError {
  const who =
    holder === null ? 'another process' : `process ${holder.pid} (${holder.command}, since ${localTime(holder.since)})`
  return new MillraceError('STATE_IN_USE', `The state directory ${directory} is in use by ${who}.`, {
    place: directory,
    fix: 'Stop it first, or set MILLRACE_STATE to another directory.',
  })
}

/** `14:02`, with the date before it unless that is today. */
function localTime(iso: string): string {
  const pad = (number: number) => String(number).padStart(2, '0')
  const at = new Date(iso)
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}`
  if (at.toDateString() === new Date().toDateString()) return time
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${time}`
}
