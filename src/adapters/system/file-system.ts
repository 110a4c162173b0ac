import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type ErrorCode, MillraceError } from '../../sdk/errors.ts'

/** Creates a directory for its owner only, and those above it, if they are not there. */
export function createDirectory(path: string): void {
  onFileSystem(path, () => createWithParents(path))
}

/** Node's recursive `mkdir` never ends below a directory that takes none, such as /proc. */
function createWithParents(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) createWithParents(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another process may have been faster.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}

/** Writes a file so that others see it as it was or as it is then, never a part. */
export function writeWholeFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}`
  onFileSystem(path, () => {
    writeFileSync(temporary, text, { flush: true })
    renameSync(temporary, path)
  })
}

const codes: { readonly [code: string]: { readonly code: ErrorCode; readonly fix: string } } = {
  EACCES: { code: 'STATE_READ_ONLY', fix: 'Make it writable, or set MILLRACE_STATE to a directory that is.' },
  EPERM: { code: 'STATE_READ_ONLY', fix: 'Make it writable, or set MILLRACE_STATE to a directory that is.' },
  EROFS: { code: 'STATE_READ_ONLY', fix: 'Make it writable, or set MILLRACE_STATE to a directory that is.' },
  EEXIST: { code: 'CONFIG_INVALID', fix: 'It is a file; set MILLRACE_STATE to a directory.' },
  ENOTDIR: { code: 'CONFIG_INVALID', fix: 'A part of it is a file; set MILLRACE_STATE to a directory.' },
  ENOENT: { code: 'STATE_READ_ONLY', fix: 'Set MILLRACE_STATE to a directory that can be created.' },
  ENOSPC: { code: 'STORAGE_FULL', fix: 'Free some space.' },
}

/** Runs `work` and turns what the file system throws into a `MillraceError`; other errors pass. */
export function onFileSystem<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const known = codes[(error as NodeJS.ErrnoException).code ?? '']
    if (known === undefined) throw error
    const message = `The state directory cannot be used: ${(error as Error).message}.`
    throw new MillraceError(known.code, message, { place: path, fix: known.fix, cause: error })
  }
}
