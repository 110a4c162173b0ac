import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { MillraceError } from '../sdk/errors.ts'

/** Java versions that an engine runs on. */
export interface JavaVersions {
  readonly from: number
  /** Null: any later one. */
  readonly to: number | null
  /** The one to install where there is none. */
  readonly best: number
}

/** An installed Java. */
export interface Java {
  readonly home: string
  readonly version: number
}

/** Every Java of this machine: `JAVA_HOME`, then those on `PATH`, then where systems and tools install them. */
export function findJavas(env: NodeJS.ProcessEnv): readonly Java[] {
  const homes = [
    ...(env.JAVA_HOME ? [env.JAVA_HOME] : []),
    ...(env.PATH ?? '')
      .split(delimiter)
      .map(directory => join(directory, 'java'))
      .filter(existsSync)
      .map(java => dirname(dirname(realpathSync(java)))),
    ...[
      '/usr/lib/jvm',
      '/opt',
      '/Library/Java/JavaVirtualMachines',
      join(homedir(), '.sdkman/candidates/java'),
      join(homedir(), '.jdks'),
      join(homedir(), 'Library/Java/JavaVirtualMachines'),
    ].flatMap(subdirectories),
  ]
  const javas = new Map<string, Java>()
  for (const home of homes.flatMap(each => [each, join(each, 'Contents/Home')])) {
    if (!existsSync(join(home, 'bin/java'))) continue
    const version = readVersion(home)
    const path = realpathSync(home)
    if (version !== null && !javas.has(path)) javas.set(path, { home: path, version })
  }
  return [...javas.values()]
}

function subdirectories(directory: string): readonly string[] {
  try {
    return readdirSync(directory).map(name => join(directory, name))
  } catch {
    return []
  }
}

/** Every Java since 9 has a file that says what it is. */
function readVersion(home: string): number | null {
  try {
    const [, version] = /^JAVA_VERSION="(?:1\.)?(\d+)/m.exec(readFileSync(join(home, 'release'), 'utf8')) ?? []
    return version === undefined ? null : Number(version)
  } catch {
    return null
  }
}

/**
 * The first one that fits.
 * @param title of the engine that needs it
 * @throws MillraceError `ENGINE_MISSING` with what there is and what to install.
 */
export function chooseJava(javas: readonly Java[], { from, to, best }: JavaVersions, title: string): Java {
  const java = javas.find(({ version }) => version >= from && (to === null || version <= to))
  if (java !== undefined) return java
  const needed = to === null ? `Java ${from} or newer` : from === to ? `Java ${from}` : `Java ${from} to ${to}`
  const found = javas.map(({ home, version }) => `${version} (${home})`)
  throw new MillraceError(
    'ENGINE_MISSING',
    `${title} needs ${needed}; this machine has ${found.length === 0 ? 'no Java' : found.join(', ')}.`,
    { place: 'JAVA_HOME, PATH, /usr/lib/jvm, /opt', fix: `Install a JDK ${best}, or set JAVA_HOME to one.` },
  )
}
