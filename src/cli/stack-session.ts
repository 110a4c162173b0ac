import { join } from 'node:path'
import type { Command } from 'commander'
import type { Project } from '../project.ts'
import { MillraceError } from '../sdk/errors.ts'
import { type Connection, type EngineKind, type EngineName, engineNames, usualEngines } from '../stack/engine.ts'
import type { StackOptions } from '../stack/options.ts'
import type { CliContext } from './context.ts'
import { type CommonOptions, commonOptions } from './options.ts'

export type KafkaRelease = '4.4' | '3.9-zookeeper'
export type SparkKind = 'local' | 'standalone'

export interface StackUpOptions {
  readonly kafka: KafkaRelease
  readonly spark: SparkKind
  readonly freePorts?: boolean
  readonly heap?: { readonly [service: string]: string }
  readonly docker?: boolean
  readonly native?: boolean
}

export interface StackLogsOptions {
  readonly follow?: boolean
  readonly lines: number
}

/** What a `stack` command works on. */
export interface StackSession {
  readonly options: CommonOptions
  /** Null where the state directory was given: an engine needs no project. */
  readonly project: Project | null
  readonly stack: StackOptions
}

export async function openStackSession(command: Command, context: CliContext): Promise<StackSession> {
  const options = commonOptions(command, context)
  const { loadProject } = await import('../project.ts')
  const project = options.state === undefined ? await loadProject(options.project) : null
  const state = options.state ?? join(project!.directory, '.millrace')
  return { options, project, stack: { directory: join(state, 'stack'), env: context.env, signal: context.signal } }
}

/** @param names none for the usual ones */
export function engineKindsOf(names: readonly string[], { kafka, spark }: StackUpOptions): readonly EngineKind[] {
  return engineNamesOf(names.length === 0 ? usualEngines : names).map(name => {
    if (name === 'kafka' && kafka === '3.9-zookeeper') return 'kafka-zookeeper'
    return name === 'spark' && spark === 'standalone' ? 'spark-standalone' : name
  })
}

/** @param names none for all */
export function engineNamesOf(names: readonly string[]): readonly EngineName[] {
  if (names.length === 0) return engineNames
  return [...new Set(names)].map(name => {
    const found = engineNames.find(each => each === name)
    if (found !== undefined) return found
    throw new MillraceError('NOT_FOUND', `There is no engine ${name}.`, {
      place: 'command line',
      fix: `Use any of: ${engineNames.join(', ')}.`,
    })
  })
}

/** What else one needs in order to sign in, if anything. Secrets themselves are not printed. */
export function signInFacts(connection: Connection): string | null {
  if ('dagsFolder' in connection) {
    const { user, passwordFile, dagsFolder } = connection
    return `user ${user}, password in ${passwordFile}, DAG files in ${dagsFolder}`
  }
  if ('passwordFile' in connection) {
    const { user, database, passwordFile } = connection
    return `user ${user}, database ${database}, password in ${passwordFile}`
  }
  return 'tokenFile' in connection ? `token in ${connection.tokenFile}` : null
}
