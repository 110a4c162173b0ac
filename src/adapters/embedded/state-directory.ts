import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../../sdk/errors.ts'
import { createDirectory, onFileSystem, writeWholeFile } from '../system/file-system.ts'
import { acquireLock } from './state-lock.ts'

/** The version of the directory's layout; each file in it has a format of its own. */
const version = 1

export interface StateDirectory {
  readonly path: string
  readonly logPath: string
  readonly registryPath: string
  readonly tablesDirectory: string
  readonly orchestratorPath: string
  readonly logsDirectory: string
  /** What is kept of Spark's queries. */
  readonly sparkDirectory: string
  /** Lets another process hold the directory. */
  close(): void
}

export interface StateDirectoryOptions {
  /** `exclusive`: as `dev` holds it, one process at a time. `shared`: whoever, beside the holder; never waits. */
  readonly mode: 'exclusive' | 'shared'
  /** How the holder is called in the message to others. Default `millrace` and the process's arguments. */
  readonly command?: string
}

/**
 * Opens the directory where everything embedded is kept, creating it if need be: for its owner only, and ignored by git.
 * The exclusive hold ends with the process, however it ends.
 * @throws MillraceError `STATE_IN_USE` with the holder, `STATE_VERSION`, `STATE_CORRUPT`, `STATE_READ_ONLY`, `STORAGE_FULL`;
 *   `CONFIG_INVALID` if the path is a file, or a directory of other things.
 */
export function openStateDirectory(path: string, options: StateDirectoryOptions): StateDirectory {
  createDirectory(path)
  const statePath = join(path, 'state.json')
  if (existsSync(statePath)) checkVersion(statePath)
  else createState(path, statePath)

  const tablesDirectory = join(path, 'tables')
  const logsDirectory = join(path, 'logs')
  createDirectory(tablesDirectory)
  createDirectory(logsDirectory)

  const lock = options.mode === 'exclusive' ? acquireLock(path, options.command ?? commandLine()) : null
  return {
    path,
    logPath: join(path, 'log.db'),
    registryPath: join(path, 'registry.db'),
    tablesDirectory,
    orchestratorPath: join(path, 'orchestrator.db'),
    logsDirectory,
    sparkDirectory: join(path, 'spark'),
    close: () => lock?.close(),
  }
}

function createState(path: string, statePath: string): void {
  const strangers = onFileSystem(path, () => readdirSync(path)).filter(name => !isOurs(name))
  if (strangers.length > 0) {
    throw new MillraceError('CONFIG_INVALID', `${path} has other things in it: ${strangers.slice(0, 3).join(', ')}.`, {
      place: path,
      fix: 'Set MILLRACE_STATE to a directory that is empty or does not exist yet.',
    })
  }
  onFileSystem(path, () => {
    writeFileSync(join(path, '.gitignore'), '*\n')
    writeWholeFile(statePath, `${JSON.stringify({ version })}\n`)
  })
}

/** What an opening cut short, or another one under way, may have left; and `stack`, where `millrace stack` keeps its engines. */
function isOurs(name: string): boolean {
  return name === '.gitignore' || name === 'stack' || name.startsWith('state.json')
}

function checkVersion(statePath: string): void {
  const found = versionIn(onFileSystem(statePath, () => readFileSync(statePath, 'utf8')))
  if (found === null) {
    throw new MillraceError('STATE_CORRUPT', `${statePath} is damaged.`, {
      place: statePath,
      fix: `Write {"version":${version}} into it, or move the state directory away and start afresh.`,
    })
  }
  if (found > version) {
    throw new MillraceError(
      'STATE_VERSION',
      `The state directory has version ${found}; this Millrace knows ${version}.`,
      {
        place: statePath,
        fix: 'Install the version of Millrace that wrote it, or a newer one, or set MILLRACE_STATE to another directory.',
      },
    )
  }
}

function versionIn(text: string): number | null {
  try {
    const { version } = JSON.parse(text) as { version?: unknown }
    return Number.isSafeInteger(version) && (version as number) > 0 ? (version as number) : null
  } catch {
    return null
  }
}

function commandLine(): string {
  return ['millrace', ...process.argv.slice(2)].join(' ')
}
