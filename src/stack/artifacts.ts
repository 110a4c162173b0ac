import { type ExecFileException, execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MillraceError } from '../sdk/errors.ts'
import type { Engine } from './engine.ts'
import { chooseJava, type Java } from './java.ts'
import { withLock } from './lock.ts'

/** How long Maven may take for one engine, in milliseconds: 160 MB on a slow line. */
const downloadLimitMs = 15 * 60_000

/** `stack/` of the package, beside `src` as well as beside `dist`. */
const stackDirectory = fileURLToPath(new URL('../../stack/', import.meta.url))

/** The template or pom.xml of an engine. */
export function stackFile(folder: string, name: string): string {
  return join(stackDirectory, folder, name)
}

/** Where downloaded engines are kept for all projects: `$MILLRACE_CACHE`, else `$XDG_CACHE_HOME/millrace`, else `~/.cache/millrace`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return env.MILLRACE_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'millrace')
}

/** Where an engine's files are once they were downloaded. Another pom.xml gives another directory. */
export function artifactDirectory(engine: Engine, env: NodeJS.ProcessEnv): string {
  const digest = createHash('sha256').update(readFileSync(stackFile(engine.folder, 'pom.xml')))
  return join(cacheDirectory(env), `${engine.folder}-${digest.digest('hex').slice(0, 12)}`)
}

export interface DownloadOptions {
  readonly env: NodeJS.ProcessEnv
  readonly javas: readonly Java[]
  readonly signal: AbortSignal
  /** Told when something is to be downloaded. */
  onDownload(): void
}

/**
 * The directory with the engine's files, downloaded by Maven if they are not there yet. Only whole directories appear in the
 * cache: a download happens beside it and is renamed, and one process downloads at a time, since they share Maven's own
 * repository.
 * @throws MillraceError `ENGINE_MISSING` without Maven, `ENGINE_DOWNLOAD` if it fails.
 */
export async function fetchArtifact(engine: Engine, options: DownloadOptions): Promise<string> {
  const { env, signal } = options
  const directory = artifactDirectory(engine, env)
  if (existsSync(directory)) return directory
  const cache = cacheDirectory(env)
  mkdirSync(cache, { recursive: true })
  return withLock(join(cache, 'lock.db'), { limitMs: downloadLimitMs, signal }, async () => {
    if (existsSync(directory)) return directory
    options.onDownload()
    // Whoever left these died: only the holder of the lock has one.
    for (const name of readdirSync(cache).filter(each => each.startsWith('partial-'))) {
      rmSync(join(cache, name), { recursive: true, force: true })
    }
    const partial = mkdtempSync(join(cache, 'partial-'))
    try {
      await runMaven(engine, partial, options)
      renameSync(join(partial, 'files'), directory)
      return directory
    } finally {
      rmSync(partial, { recursive: true, force: true })
    }
  })
}

async function runMaven(engine: Engine, partial: string, { env, javas, signal }: DownloadOptions): Promise<void> {
  const pom = stackFile(engine.folder, 'pom.xml')
  const args = [
    ...['--batch-mode', '--quiet', '--strict-checksums', '--file', pom],
    ...[`dependency:${engine.goal}`, '-DincludeScope=runtime', `-DoutputDirectory=${join(partial, 'files')}`],
    // What Maven writes about unpacked archives goes into the directory of the pom.xml otherwise.
    `-DmarkersDirectory=${join(partial, 'markers')}`,
  ]
  const java = chooseJava(javas, { from: 17, to: null, best: 21 }, 'Maven')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const options = { signal, timeout: downloadLimitMs, env: { ...env, JAVA_HOME: java.home }, maxBuffer: 1024 * 1024 }
  execFile('mvn', args, options, (error, stdout, stderr) => {
    if (error === null) resolve()
    else reject(signal.aborted ? signal.reason : mavenError(engine, pom, error, `${stdout}${stderr}`))
  })
  await promise
}

function mavenError(engine: Engine, pom: string, error: ExecFileException, output: string): MillraceError {
  if (error.code === 'ENOENT') {
    return new MillraceError(
      'ENGINE_MISSING',
      `Maven (mvn) is needed to download ${engine.title}, and is not installed.`,
      {
        place: 'PATH',
        fix: 'Install Maven (Debian: apt install maven, macOS: brew install maven), or Docker.',
        cause: error,
      },
    )
  }
  const said = output.split('\n').filter(line => line.includes('ERROR'))
  return new MillraceError(
    'ENGINE_DOWNLOAD',
    `${engine.title} could not be downloaded.\n${said.slice(0, 3).join('\n')}`,
    {
      place: pom,
      fix: 'Check the network and the repositories in Maven’s settings.xml, then try again.',
      cause: error,
    },
  )
}
