import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compile } from './plan/compile.ts'
import { conflicts } from './plan/conflicts.ts'
import type { Plan } from './plan/plan.ts'
import type { Config, TargetConfig } from './sdk/config.ts'
import { asMillraceError, MillraceError } from './sdk/errors.ts'
import type { Pipeline } from './sdk/pipeline.ts'

/** A directory with a `millrace.config.ts`. */
export interface Project {
  readonly directory: string
  readonly config: Config
}

/** A pipeline file, loaded and compiled. */
export interface LoadedPipeline {
  /** Absolute. */
  readonly file: string
  readonly declaration: Pipeline
  readonly plan: Plan
}

const configFile = 'millrace.config.ts'

/** Finds `millrace.config.ts` in `from` or the nearest directory above it. @throws MillraceError `CONFIG_INVALID`. */
export async function loadProject(from: string): Promise<Project> {
  for (let directory = resolve(from); ; directory = dirname(directory)) {
    const file = resolve(directory, configFile)
    if (existsSync(file)) {
      const config = await importDefault<Config>(file, 'CONFIG_INVALID')
      if (typeof config !== 'object' || config === null || !('targets' in config)) {
        throw new MillraceError('CONFIG_INVALID', `${configFile} exports no configuration.`, {
          place: file,
          fix: 'Write `export default defineConfig({ pipelines: […], targets: { local: embedded() } })`.',
        })
      }
      return { directory, config }
    }
    if (directory === dirname(directory)) {
      throw new MillraceError('CONFIG_INVALID', `There is no ${configFile} here or in a directory above.`, {
        place: resolve(from),
        fix: 'Change to the project’s directory.',
      })
    }
  }
}

/** @throws MillraceError `CONFIG_INVALID` for a name that the configuration does not have. */
export function targetConfig(project: Project, name: string): TargetConfig {
  const config = project.config.targets[name]
  if (config !== undefined) return checkAdapters(project, name, config)
  throw new MillraceError('CONFIG_INVALID', `There is no target ${name}.`, {
    place: `${resolve(project.directory, configFile)} › targets`,
    fix: `Use one of: ${Object.keys(project.config.targets).join(', ')}.`,
  })
}

/** The adapters there are, by port. */
const adapters: { readonly [port in keyof TargetConfig]: readonly string[] } = {
  log: ['embedded', 'kafka'],
  registry: ['embedded', 'schema-registry'],
  table: ['embedded', 'cassandra'],
  orchestrator: ['embedded', 'airflow'],
  processor: ['embedded', 'spark'],
}

function checkAdapters(project: Project, name: string, config: TargetConfig): TargetConfig {
  for (const port of Object.keys(adapters) as (keyof TargetConfig)[]) {
    const adapter: unknown = config[port]?.adapter
    if (adapters[port].some(known => known === adapter)) continue
    throw new MillraceError('CONFIG_INVALID', `There is no adapter ${String(adapter)} for the ${port}.`, {
      place: `${resolve(project.directory, configFile)} › targets.${name}.${port}`,
      fix: `Use one of: ${adapters[port].join(', ')}.`,
    })
  }
  return config
}

/**
 * Every pipeline of the project, or those of the given names or files.
 * @throws MillraceError `NAME_DUPLICATE` if two of them cannot live in one target; `PlanInvalid` for a faulty declaration.
 */
export async function loadPipelines(
  project: Project,
  only: readonly string[] = [],
): Promise<readonly LoadedPipeline[]> {
  const files = project.config.pipelines.map(file => resolve(project.directory, file))
  const asFile = (name: string) => files.find(file => file === resolve(name))
  const wanted =
    only.length > 0 && only.every(name => asFile(name) !== undefined) ? only.map(name => asFile(name)!) : files
  const loaded = await Promise.all(wanted.map(loadPipeline))
  const [conflict] = conflicts(loaded.map(({ plan }) => plan))
  if (conflict !== undefined) throw conflict
  if (only.length === 0) return loaded
  return only.map(name => {
    const found = loaded.find(({ declaration, file }) => declaration.name === name || file === resolve(name))
    if (found !== undefined) return found
    throw new MillraceError('NOT_FOUND', `There is no pipeline ${name}.`, {
      place: `${resolve(project.directory, configFile)} › pipelines`,
      fix: `Use one of: ${loaded.map(({ declaration }) => declaration.name).join(', ')}; or add its file there.`,
    })
  })
}

/** @throws MillraceError `PIPELINE_INVALID`. */
export async function loadPipeline(file: string): Promise<LoadedPipeline> {
  const declaration = await importDefault<Pipeline>(file, 'PIPELINE_INVALID')
  if (typeof declaration !== 'object' || declaration === null || !('stages' in declaration)) {
    throw new MillraceError('PIPELINE_INVALID', 'The file exports no pipeline.', {
      place: file,
      fix: 'Write `export default pipeline(…)`.',
    })
  }
  return { file, declaration, plan: compile(declaration) }
}

async function importDefault<T>(file: string, code: 'CONFIG_INVALID' | 'PIPELINE_INVALID'): Promise<T | undefined> {
  if (!existsSync(file)) {
    throw new MillraceError(code, 'The file does not exist.', {
      place: file,
      fix: `Correct its path in ${configFile}.`,
    })
  }
  try {
    const module = (await import(pathToFileURL(file).href)) as { default?: T }
    return module.default
  } catch (thrown) {
    if (thrown instanceof MillraceError) throw thrown
    throw new MillraceError(code, `The file could not be loaded: ${asMillraceError(thrown).message}`, {
      place: file,
      cause: thrown,
    })
  }
}
