import type { ExecFileException } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../sdk/errors.ts'
import { downloadLimitMs, fetchOnce, stackFile } from './cache.ts'
import type { Engine, InstallOptions, Runtime } from './engine.ts'
import { chooseJava, findJavas, type Java, type JavaVersions } from './java.ts'
import { markOf } from './process.ts'
import { runProgram } from './program.ts'

/** How Maven gives an engine's files: jars beside each other, or an archive to unpack. */
export type MavenGoal = 'copy-dependencies' | 'unpack-dependencies'

/** An engine of Java, whose files Maven downloads as the pom.xml in its folder says. */
export function javaRuntime(goal: MavenGoal, versions: JavaVersions): Runtime {
  return {
    install: async (engine, options) => {
      const javas = findJavas(options.env)
      const command = join(chooseJava(javas, versions, engine.title).home, 'bin/java')
      return {
        files: await fetchArtifact({ title: engine.title, folder: engine.folder, goal }, { ...options, javas }),
        owner: null,
        prepare: args => ({ command, args: ['-Xmx256m', ...args] }),
        serve: (args, { mark, heap }) => ({ command, args: [`-D${markOf(mark)}`, `-Xmx${heap}`, ...args] }),
      }
    },
  }
}

/** What Maven downloads for an engine. */
export interface Artifact extends Pick<Engine, 'title' | 'folder'> {
  readonly goal: MavenGoal
}

export interface DownloadOptions extends InstallOptions {
  readonly javas: readonly Java[]
}

/**
 * The directory with the engine's files, downloaded by Maven if they are not there yet. Another pom.xml gives another directory.
 * @throws MillraceError `ENGINE_MISSING` without Maven, `ENGINE_DOWNLOAD` if it fails.
 */
export function fetchArtifact(artifact: Artifact, options: DownloadOptions): Promise<string> {
  const digest = createHash('sha256').update(readFileSync(stackFile(artifact.folder, 'pom.xml')))
  const name = `${artifact.folder}-${digest.digest('hex').slice(0, 12)}`
  return fetchOnce(name, options, partial => runMaven(artifact, partial, options))
}

async function runMaven(artifact: Artifact, partial: string, { env, javas, signal }: DownloadOptions): Promise<void> {
  const pom = stackFile(artifact.folder, 'pom.xml')
  const args = [
    ...['--batch-mode', '--quiet', '--strict-checksums', '--file', pom],
    ...[`dependency:${artifact.goal}`, '-DincludeScope=runtime', `-DoutputDirectory=${join(partial, 'files')}`],
    // What Maven writes about unpacked archives goes into the directory of the pom.xml otherwise.
    `-DmarkersDirectory=${join(partial, 'markers')}`,
  ]
  const java = chooseJava(javas, { from: 17, to: null, best: 21 }, 'Maven')
  const run = await runProgram('mvn', args, { env: { ...env, JAVA_HOME: java.home }, signal, limitMs: downloadLimitMs })
  if (run.error !== null) throw mavenError(artifact, pom, run.error, `${run.stdout}${run.stderr}`)
}

function mavenError({ title }: Artifact, pom: string, error: ExecFileException, output: string): MillraceError {
  if (error.code === 'ENOENT') {
    return new MillraceError('ENGINE_MISSING', `Maven (mvn) is needed to download ${title}, and is not installed.`, {
      place: 'PATH',
      fix: 'Install Maven (Debian: apt install maven, macOS: brew install maven), or Docker.',
      cause: error,
    })
  }
  const said = output.split('\n').filter(line => line.includes('ERROR'))
  return new MillraceError('ENGINE_DOWNLOAD', `${title} could not be downloaded.\n${said.slice(0, 3).join('\n')}`, {
    place: pom,
    fix: 'Check the network and the repositories in Maven’s settings.xml, then try again.',
    cause: error,
  })
}
