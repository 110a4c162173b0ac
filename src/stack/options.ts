import type { Engine, Ports } from './engine.ts'
import type { Settings } from './template.ts'

/** What is being done with an engine. */
export type Step = 'downloading' | 'preparing' | 'starting' | 'healthy' | 'already up' | 'stopping' | 'stopped'

export interface StackOptions {
  /** Where the stack is kept: `stack` in the state directory. Absolute. */
  readonly directory: string
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  onStep?(engine: Engine, step: Step): void
}

export interface UpOptions extends StackOptions {
  /** Default: those it has, if it was not stopped, else `well-known`. While a part of it runs they stay as they are. */
  readonly ports?: 'well-known' | 'free' | Ports
  /** `-Xmx` by the name of a service, such as `{ kafka: '1g' }`. */
  readonly heap?: { readonly [service: string]: string }
  /**
   * Changes to the engine's own configuration file, such as `{ 'num.partitions': '4' }`; null takes a
   * setting out. Native only.
   */
  readonly settings?: Settings
}
