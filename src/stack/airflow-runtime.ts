import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MillraceError } from '../sdk/errors.ts'
import { downloadLimitMs, fetchOnce, stackFile } from './cache.ts'
import type { Engine, InstallOptions, Runtime } from './engine.ts'
import { markOf } from './process.ts'
import { findProgram, type Run, runProgram } from './program.ts'

/** The versions of Python that stack/airflow/requirements.txt is for: 3.10 to 3.14. */
const oldestMinor = 10
const newestMinor = 14

/** What the supervisor's heap may take: it does nothing but wait. */
const supervisorHeap = ['--max-old-space-size=32', '--max-semi-space-size=1']

/** Airflow in a virtual environment of Python; what serves is a supervisor that runs its components. */
export const airflowRuntime: Runtime = {
  install: async (engine, options) => {
    const files = await fetchEnvironment(engine, options)
    const command = join(files, 'bin/python')
    if (!existsSync(command)) {
      throw new MillraceError('ENGINE_MISSING', `The Python that ${engine.title} was installed with is gone.`, {
        place: command,
        fix: `Delete ${files}: it is installed anew.`,
      })
    }
    return {
      files,
      owner: null,
      prepare: args => ({ command, args }),
      serve: (args, { mark }) => ({
        command: process.execPath,
        args: [...supervisorHeap, supervisorProgram(), `--${markOf(mark)}`, ...args],
      }),
    }
  },
}

function supervisorProgram(): string {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`./supervisor-process.${ending}`, import.meta.url))
}

type Title = Pick<Engine, 'title' | 'folder'>

/** The virtual environment, installed by uv as the requirements say: other ones give another directory. */
function fetchEnvironment(engine: Title, options: InstallOptions): Promise<string> {
  const requirements = stackFile(engine.folder, 'requirements.txt')
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  return fetchOnce(`${engine.folder}-${digest.slice(0, 12)}`, options, async partial => {
    const { signal } = options
    // It would keep bytecode from being written, and each start of Airflow would take 25 s.
    const { PYTHONDONTWRITEBYTECODE: _, ...env } = options.env
    const run = async (command: string, args: readonly string[]) =>
      requireSuccess(engine, await runProgram(command, args, { env, signal, limitMs: downloadLimitMs }))
    const python = await findPython(engine, options)
    let uv = findProgram('uv', env)
    if (uv === null) {
      const own = join(partial, 'uv')
      const source = ['--require-hashes', '--requirement', stackFile(engine.folder, 'uv.txt')]
      await run(python, ['-m', 'pip', 'install', '--quiet', '--target', own, ...source])
      uv = join(own, 'bin/uv')
    }
    const environment = join(partial, 'files')
    await run(uv, ['venv', '--quiet', '--relocatable', '--no-python-downloads', '--python', python, environment])
    const target = ['--python', join(environment, 'bin/python')]
    const source = ['--require-hashes', '--requirements', requirements]
    await run(uv, ['pip', 'install', '--quiet', '--compile-bytecode', ...target, ...source])
  })
}

/** The newest Python on `PATH` that Airflow runs on. @throws MillraceError `ENGINE_MISSING`. */
async function findPython({ title }: Title, { env, signal }: InstallOptions): Promise<string> {
  const minors = Array.from({ length: newestMinor - oldestMinor + 1 }, (_, index) => `python3.${newestMinor - index}`)
  const seen: string[] = []
  for (const name of ['python3', ...minors]) {
    const path = findProgram(name, env)
    if (path === null) continue
    const script = 'import sys; print("%d.%d" % sys.version_info[:2])'
    const { stdout } = await runProgram(path, ['-c', script], { env, signal, limitMs: 10_000 })
    const version = stdout.trim()
    if (isSupported(version)) return path
    if (version !== '') seen.push(`${version} (${path})`)
  }
  const found = seen.length === 0 ? 'none' : seen.join(', ')
  throw new MillraceError('ENGINE_MISSING', `${title} needs Python 3.10 to 3.14; PATH has ${found}.`, {
    place: 'PATH',
    fix: 'Install Python 3.12 (Debian: apt install python3, macOS: brew install python), or Docker.',
  })
}

/** @param version such as `3.12` */
export function isSupported(version: string): boolean {
  const [, minor] = /^3\.(\d+)$/.exec(version) ?? []
  return minor !== undefined && Number(minor) >= oldestMinor && Number(minor) <= newestMinor
}

function requireSuccess({ title, folder }: Title, { error, stdout, stderr }: Run): void {
  if (error === null) return
  const said = `${stdout}${stderr}`.trim().split('\n').slice(-5).join('\n')
  throw new MillraceError('ENGINE_DOWNLOAD', `${title} could not be installed.\n${said.slice(0, 1_000)}`, {
    place: stackFile(folder, 'requirements.txt'),
    fix: 'Check the network and the index in the settings of pip and uv, or install uv; then try again.',
    cause: error,
  })
}
