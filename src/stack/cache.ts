import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { InstallOptions } from './engine.ts'
import { withLock } from './lock.ts'

/** How long one download may take, in milliseconds: 160 MB on a slow line. */
export const downloadLimitMs = 15 * 60_000

/** `stack/` of the package, beside `src` as well as beside `dist`. */
const stackDirectory = fileURLToPath(new URL('../../stack/', import.meta.url))

/** A template of an engine, or what says which files it needs. */
export function stackFile(folder: string, name: string): string {
  return join(stackDirectory, folder, name)
}

/** Where downloaded engines are kept for all projects: `$MILLRACE_CACHE`, else `$XDG_CACHE_HOME/millrace`, else `~/.cache/millrace`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return env.MILLRACE_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'millrace')
}

/**
 * A directory of the cache, downloaded if it is not there yet. Only whole directories appear in the cache: a download happens
 * beside it and is renamed, and one process downloads at a time, since tools share repositories of their own.
 * @param name another one for other contents
 * @param download fills the directory `files` in the directory that it is given
 * @throws whatever `download` does
 */
export async function fetchOnce(
  name: string,
  { env, signal, onDownload }: InstallOptions,
  download: (partial: string) => Promise<void>,
): Promise<string> {
  const cache = cacheDirectory(env)
  const directory = join(cache, name)
  if (existsSync(directory)) return directory
  mkdirSync(cache, { recursive: true })
  return withLock(join(cache, 'lock.db'), { limitMs: downloadLimitMs, signal }, async () => {
    if (existsSync(directory)) return directory
    onDownload()
    // Whoever left these died: only the holder of the lock has one.
    for (const each of readdirSync(cache).filter(file => file.startsWith('partial-'))) {
      rmSync(join(cache, each), { recursive: true, force: true })
    }
    const partial = mkdtempSync(join(cache, 'partial-'))
    try {
      await download(partial)
      renameSync(join(partial, 'files'), directory)
      return directory
    } finally {
      rmSync(partial, { recursive: true, force: true })
    }
  })
}
