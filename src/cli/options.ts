import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { DataInterval } from '../ports/orchestrator.ts'
import type { Json } from '../sdk/json.ts'
import { parseDuration } from '../sdk/quantities.ts'
import { parseTimestamp } from '../sdk/timestamp.ts'
import type { CliContext } from './context.ts'

/** Options that every command takes. */
export interface CommonOptions {
  readonly json: boolean
  readonly target: string
  /** Absolute; undefined for `.millrace` in the project. */
  readonly state: string | undefined
  /** Absolute: where the project is looked for. */
  readonly project: string
}

export function addCommonOptions(program: Command): void {
  program
    .option('--json', 'print JSON: one document, or one a line where there is no end')
    .option('--target <name>', 'target of millrace.config.ts to use', 'local')
    .option('--state <dir>', 'state directory (default: $MILLRACE_STATE, else .millrace in the project)')
    .option('--project <dir>', 'directory of millrace.config.ts, or one below it (default: here)')
}

/** @param command the command that runs, as its action is given it */
export function commonOptions(command: Command, context: CliContext): CommonOptions {
  const { json = false, target = 'local', state, project } = command.optsWithGlobals<Partial<CommonOptions>>()
  const statePath = state ?? context.env.MILLRACE_STATE
  return {
    json,
    target,
    state: statePath ? resolve(context.cwd, statePath) : undefined,
    project: resolve(context.cwd, project ?? '.'),
  }
}

/** Adds examples to a command's help: what to type, and what it does. */
export function addExamples(command: Command, examples: readonly (readonly [line: string, meaning: string])[]): void {
  const width = Math.max(...examples.map(([line]) => line.length))
  const lines = examples.map(([line, meaning]) => `  ${line.padEnd(width)}  ${meaning}`.trimEnd())
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}

/** Reads an option's value as a whole number from `from` on. */
export function wholeNumber(from: number, to = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return text => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= from && number <= to) return number
    const range = to === Number.MAX_SAFE_INTEGER ? `of at least ${from}` : `from ${from} to ${to}`
    throw new InvalidArgumentError(`Give a whole number ${range}.`)
  }
}

/** Reads an option's value as a duration; gives milliseconds. */
export function durationOption(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new InvalidArgumentError('Write it as 500ms, 60s, 5m or 24h.')
  }
}

/** Reads an option's value as a point in time, or a day in UTC; gives ISO 8601 in UTC. */
export function timeOption(text: string): string {
  const time = parseTimestamp(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text)
  if (time === undefined) throw new InvalidArgumentError('Write it as 2026-03-01T10:00:00Z, or 2026-03-01.')
  return time.toISOString()
}

/** Reads an option's value as two points in time. */
export function intervalOption(text: string): DataInterval {
  const [start = '', end = '', ...more] = text.split('/')
  const interval = { start: timeOption(start), end: timeOption(end) }
  if (more.length === 0 && interval.start <= interval.end) return interval
  throw new InvalidArgumentError('Write it as 2026-03-01T00:00:00Z/2026-03-02T00:00:00Z, the start first.')
}

/** Reads an option's value as JSON. */
export function jsonOption(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (thrown) {
    throw new InvalidArgumentError(`It is not JSON: ${(thrown as Error).message}.`)
  }
}
