import { fileURLToPath } from 'node:url'
import type { StateDirectory } from './adapters/embedded/state-directory.ts'
import type { SimulatorOptions } from './adapters/http/simulator.ts'
import { systemClock, systemRandom } from './adapters/system/clock.ts'
import { fileLogger, readLogFile } from './adapters/system/file-logger.ts'
import type { Plan } from './plan/plan.ts'
import type { Log } from './ports/log.ts'
import type { Logger } from './ports/logger.ts'
import type { LogLine, Orchestrator } from './ports/orchestrator.ts'
import type { Processor } from './ports/processor.ts'
import type { SchemaRegistry } from './ports/schema-registry.ts'
import type { Source } from './ports/source.ts'
import type { TableStore } from './ports/table.ts'
import type { TargetConfig } from './sdk/config.ts'
import type { MillraceError } from './sdk/errors.ts'
import type { SourceNode } from './sdk/nodes.ts'

export interface TargetOptions {
  readonly config: TargetConfig
  /** As millrace.config.ts names it: what a task that runs elsewhere is started with. Default `local`. */
  readonly name?: string
  /** Where embedded adapters keep their files, and every target its logs. */
  readonly statePath: string
  /** `exclusive` for the one process that schedules and serves; default `shared`. */
  readonly mode?: 'exclusive' | 'shared'
  /** Relative paths in the declaration start here. */
  readonly projectDirectory: string
  readonly env: NodeJS.ProcessEnv
}

/** The bundled simulator of the randomuser API, running. */
export interface Simulator {
  readonly url: string
  close(): Promise<void>
}

export type { SimulatorOptions }

/** Starts it on a thread of its own. @throws MillraceError `PORT_IN_USE`. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { startSimulatorThread } = await import('./adapters/http/simulator-thread.ts')
  return startSimulatorThread(options)
}

/** What of a plan a target's processor cannot run; each error names the place. Opens nothing. */
export async function planRefusals(
  { processor, log, table }: TargetConfig,
  plan: Plan,
): Promise<readonly MillraceError[]> {
  if (processor.adapter !== 'spark') return []
  const { refusals } = await import('./adapters/spark/refusals.ts')
  return refusals(plan, { log: log.adapter, table: table.adapter })
}

/** @throws MillraceError `STATE_IN_USE`, `STATE_READ_ONLY`, `STATE_VERSION`, `STATE_CORRUPT`. */
export async function openTarget(options: TargetOptions): Promise<Target> {
  const { openStateDirectory } = await import('./adapters/embedded/state-directory.ts')
  return new Target(options, await openStateDirectory(options.statePath, { mode: options.mode ?? 'shared' }))
}

/**
 * The adapters of one target. Each is loaded and opened when it is first asked for, so that a command pays only for
 * what it uses; `close` closes what was opened. The only place that knows adapters.
 */
export class Target {
  readonly clock = systemClock
  readonly random = systemRandom
  readonly #options: TargetOptions
  readonly #state: StateDirectory
  readonly #opened = new Map<string, Promise<{ close(): Promise<void> }>>()

  constructor(options: TargetOptions, state: StateDirectory) {
    this.#options = options
    this.#state = state
  }

  log(): Promise<Log> {
    return this.#once('log', async () => {
      const { log } = this.#options.config
      if (log.adapter === 'kafka') {
        const { openKafkaLog } = await import('./adapters/kafka/log.ts')
        return openKafkaLog(log, this.#remote())
      }
      const { openEmbeddedLog } = await import('./adapters/embedded/log/log.ts')
      return openEmbeddedLog({ path: this.#state.logPath, clock: this.clock })
    })
  }

  registry(): Promise<SchemaRegistry> {
    return this.#once('registry', async () => {
      const { registry } = this.#options.config
      if (registry.adapter === 'schema-registry') {
        const { openSchemaRegistry } = await import('./adapters/schema-registry/schema-registry.ts')
        return openSchemaRegistry(registry, this.#remote())
      }
      const { openEmbeddedRegistry } = await import('./adapters/embedded/registry/registry.ts')
      return openEmbeddedRegistry({ path: this.#state.registryPath })
    })
  }

  tables(): Promise<TableStore> {
    return this.#once('tables', async () => {
      const { table } = this.#options.config
      if (table.adapter === 'cassandra') {
        const { openCassandraTables } = await import('./adapters/cassandra/table-store.ts')
        return openCassandraTables(table, this.#remote())
      }
      const { openEmbeddedTables } = await import('./adapters/embedded/table/table-store.ts')
      return openEmbeddedTables({ directory: this.#state.tablesDirectory })
    })
  }

  orchestrator(): Promise<Orchestrator> {
    return this.#once('orchestrator', async () => {
      const { orchestrator } = this.#options.config
      if (orchestrator.adapter === 'airflow') {
        const { openAirflowOrchestrator } = await import('./adapters/airflow/orchestrator.ts')
        return openAirflowOrchestrator(orchestrator, { ...this.#remote(), program: this.#program() })
      }
      const { openEmbeddedOrchestrator } = await import('./adapters/embedded/orchestrator/orchestrator.ts')
      const { clock, random } = this
      return openEmbeddedOrchestrator({ path: this.#state.orchestratorPath, clock, random })
    })
  }

  /** Whether stream stages run in threads and processes of ours. */
  get runsStagesHere(): boolean {
    return this.#options.config.processor.adapter === 'embedded'
  }

  /**
   * The processor that was asked for first.
   * @param stages what each stage's thread is told, by stage
   */
  processor(stages: { readonly [stage: string]: { readonly plan: Plan } }): Promise<Processor> {
    return this.#once('processor', async () => {
      const { config } = this.#options
      const { processor } = config
      if (processor.adapter === 'spark') {
        const { createSparkProcessor } = await import('./adapters/spark/processor.ts')
        return createSparkProcessor({
          ...this.#remote(),
          config: { ...config, processor },
          plans: Object.fromEntries(Object.entries(stages).map(([stage, { plan }]) => [stage, plan])),
          systems: async () => ({
            log: await this.log(),
            registry: await this.registry(),
            tables: await this.tables(),
          }),
          recordsDirectory: this.#state.sparkDirectory,
          logger: stage => this.stageLogger(stage),
          random: this.random,
        })
      }
      const { createThreadProcessor } = await import('./adapters/embedded/processor.ts')
      const entry = new URL(
        import.meta.url.endsWith('.ts') ? './stage-thread.ts' : './stage-thread.js',
        import.meta.url,
      )
      return createThreadProcessor({ entry, workerData: stages })
    })
  }

  /** Opens a source of its own; the caller closes it. */
  async source(node: SourceNode, env: NodeJS.ProcessEnv = this.#options.env): Promise<Source> {
    if (node.kind === 'files') {
      const { openFilesSource } = await import('./adapters/files/files-source.ts')
      return openFilesSource(node, { directory: this.#options.projectDirectory })
    }
    const { openHttpSource } = await import('./adapters/http/http-source.ts')
    return openHttpSource(node, { clock: this.clock, random: this.random, env })
  }

  /** Whether a simulator of this source is bundled. */
  simulates(node: SourceNode): boolean {
    return node.name === 'randomuser'
  }

  simulator(): Promise<Simulator> {
    return this.#once('simulator', () => startSimulator())
  }

  stageLogger(stage: string): Logger {
    return fileLogger(this.#state.logsDirectory, stage, this.clock)
  }

  /** What a stage's logger wrote, oldest first. */
  stageLog(stage: string): readonly LogLine[] {
    return readLogFile(this.#state.logsDirectory, stage)
  }

  async close(): Promise<void> {
    const opened = [...this.#opened.values()].reverse()
    this.#opened.clear()
    for (const adapter of opened) await (await adapter.catch(() => null))?.close()
    await this.#state.close()
  }

  /** What an adapter of a system elsewhere is given besides its settings. */
  #remote() {
    const { env, projectDirectory } = this.#options
    return { clock: this.clock, random: this.random, env, directory: projectDirectory }
  }

  /** How this very Millrace is started for a stage of this target. */
  #program() {
    const { name = 'local', projectDirectory, statePath } = this.#options
    const bin = fileURLToPath(new URL('../bin/millrace.js', import.meta.url))
    const command = [
      process.execPath,
      ...process.execArgv.filter(flag => flag.startsWith('--max-semi-space-size') || flag.startsWith('--heap-growing')),
      bin,
    ]
    return { command, project: projectDirectory, state: statePath, target: name }
  }

  #once<T extends { close(): Promise<void> }>(name: string, open: () => Promise<T>): Promise<T> {
    const existing = this.#opened.get(name) as Promise<T> | undefined
    const adapter = existing ?? open()
    this.#opened.set(name, adapter)
    return adapter
  }
}
