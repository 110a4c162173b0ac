import type { Json } from './json.ts'

/** What `millrace.config.ts` exports by default. */
export interface Config {
  /** Pipeline files, relative to the configuration's directory. */
  readonly pipelines: readonly string[]
  readonly targets: { readonly [name: string]: TargetConfig }
}

/** Which adapter stands behind each port, with its options. */
export interface TargetConfig {
  readonly log: AdapterConfig
  readonly registry: AdapterConfig
  readonly table: AdapterConfig
  readonly orchestrator: AdapterConfig
  readonly processor: AdapterConfig
}

export interface AdapterConfig {
  readonly adapter: 'embedded'
  readonly [option: string]: Json
}

/** Gives the configuration its type; checks nothing yet. */
export function defineConfig<const C extends Config>(config: C): C {
  return config
}

/** Everything inside this process, with files in the state directory and nothing else installed. */
export function embedded(): TargetConfig {
  const adapter = { adapter: 'embedded' } as const
  return { log: adapter, registry: adapter, table: adapter, orchestrator: adapter, processor: adapter }
}
