import type { StateDirectory } from './adapters/embedded/state-directory.ts'
import { systemClock, systemRandom } from './adapters/system/clock.ts'
import type { Log } from './ports/log.ts'
import type { Orchestrator } from './ports/orchestrator.ts'
import type { Processor } from './ports/processor.ts'
import type { SchemaRegistry } from './ports/schema-registry.ts'
import type { Source } from './ports/source.ts'
import type { TableStore } from './ports/table.ts'
import type { TargetConfig } from './sdk/config.ts'
import type { Json } from './sdk/json.ts'
import type { SourceNode } from './sdk/nodes.ts'

export interface TargetOptions {
  readonly config: TargetConfig
  readonly state: StateDirectory
  /** Relative paths in the declaration start here. */
  readonly projectDirectory: string
  readonly env: NodeJS.ProcessEnv
}

/**
 * The adapters of one target. Each is loaded and opened when it is first asked for, so that a command pays only for
 * what it uses; `close` closes what was opened. The only place that knows adapters.
 */
export class Target {
  readonly clock = systemClock
  readonly random = systemRandom
  readonly #options: TargetOptions
  readonly #opened = new Map<string, Promise<{ close(): Promise<void> }>>()

  constructor(options: TargetOptions) {
    this.#options = options
  }

  log(): Promise<Log> {
    return this.#once('log', async () => {
      const { openEmbeddedLog } = await import('./adapters/embedded/log/log.ts')
      return openEmbeddedLog({ path: this.#options.state.logPath, clock: this.clock })
    })
  }

  registry(): Promise<SchemaRegistry> {
    return this.#once('registry', async () => {
      const { openEmbeddedRegistry } = await import('./adapters/embedded/registry/registry.ts')
      return openEmbeddedRegistry({ path: this.#options.state.registryPath })
    })
  }

  tables(): Promise<TableStore> {
    return this.#once('tables', async () => {
      const { openEmbeddedTables } = await import('./adapters/embedded/table/table-store.ts')
      return openEmbeddedTables({ directory: this.#options.state.tablesDirectory })
    })
  }

  orchestrator(): Promise<Orchestrator> {
    return this.#once('orchestrator', async () => {
      const { openEmbeddedOrchestrator } = await import('./adapters/embedded/orchestrator/orchestrator.ts')
      const { clock, random } = this
      return openEmbeddedOrchestrator({ path: this.#options.state.orchestratorPath, clock, random })
    })
  }

  /** @param workerData what each stage's thread is told, by stage */
  processor(workerData: { readonly [stage: string]: Json }): Promise<Processor> {
    return this.#once('processor', async () => {
      const { createThreadProcessor } = await import('./adapters/embedded/processor.ts')
      const entry = new URL(import.meta.url.endsWith('.ts') ? './stage-thread.ts' : './stage-thread.js', import.meta.url)
      return createThreadProcessor({ entry, workerData })
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

  async close(): Promise<void> {
    const opened = [...this.#opened.values()].reverse()
    this.#opened.clear()
    for (const adapter of opened) await (await adapter.catch(() => null))?.close()
  }

  #once<T extends { close(): Promise<void> }>(name: string, open: () => Promise<T>): Promise<T> {
    const existing = this.#opened.get(name) as Promise<T> | undefined
    const adapter = existing ?? open()
    this.#opened.set(name, adapter)
    return adapter
  }
}
