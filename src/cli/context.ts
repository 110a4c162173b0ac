import { constants } from 'node:os'
import { MillraceError } from '../sdk/errors.ts'
import { Output } from './output.ts'

/** What a command has of the process it runs in. */
export interface CliContext {
  /** Relative paths of options start here. */
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** For what was asked for. */
  readonly stdout: Output
  /** For what is said about it. */
  readonly stderr: Output
  /** Aborts with an `Interrupted` on Ctrl-C, SIGTERM, and when nobody reads the output any more. */
  readonly signal: AbortSignal
  /**
   * How a command that does not throw ends. Null: done, or as whatever interrupted it has it; a command that ends in order
   * when it is interrupted sets it.
   */
  exitCode: ExitCode | null
}

/** `millrace --help` prints what they mean. */
export const exitCodes = { done: 0, failed: 1, refused: 2 } as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const exitSignals = {
  SIGINT: 'Ended by Ctrl-C.',
  SIGTERM: 'Ended by SIGTERM.',
  SIGPIPE: 'Nobody reads the output any more.',
} as const

/** Why the signal of a context aborted. */
export class Interrupted extends Error {
  /** As shells have it: 130 or 143; 141 if the reader of a pipe had enough, as in `millrace tail … | head`. */
  readonly exitCode: number

  constructor(signal: keyof typeof exitSignals) {
    super(exitSignals[signal])
    this.name = 'Interrupted'
    this.exitCode = 128 + constants.signals[signal]
  }
}

/** Wires the process's signals and streams to a context. A second Ctrl-C ends the process at once. */
export function openContext(): CliContext {
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const reason = new Interrupted(name)
      // What is cut off here is what a crash would cut off: it is done again at the next start.
      if (interrupt.signal.aborted) process.exit(reason.exitCode)
      interrupt.abort(reason)
    })
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const unwritable = new MillraceError('STORAGE_FAILED', `The output cannot be written: ${error.message}.`)
      interrupt.abort(error.code === 'EPIPE' ? new Interrupted('SIGPIPE') : unwritable)
    })
  }
  return {
    cwd: process.cwd(),
    env: process.env,
    stdout: new Output(process.stdout, process.env),
    stderr: new Output(process.stderr, process.env),
    signal: interrupt.signal,
    exitCode: null,
  }
}
