import type { Json } from '../sdk/json.ts'

export type LogLevel = 'info' | 'warn' | 'error'

/** The one way to say something that is kept: an attempt's log, a stage's log. */
export interface Logger {
  log(level: LogLevel, text: string, facts?: { readonly [key: string]: Json }): void
}
