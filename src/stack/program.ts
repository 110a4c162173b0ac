import { type ExecFileException, execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
  /** In milliseconds. */
  readonly limitMs: number
}

export interface Run {
  readonly error: ExecFileException | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. Never rejects but when the signal aborts. */
export async function runProgram(
  command: string,
  args: readonly string[],
  { env, signal, limitMs }: RunOptions,
): Promise<Run> {
  const { promise, resolve } = Promise.withResolvers<Run>()
  const options = { env, signal, timeout: limitMs, maxBuffer: 16 * 1024 * 1024 }
  execFile(command, args, options, (error, stdout, stderr) => resolve({ error, stdout, stderr }))
  const run = await promise
  signal.throwIfAborted()
  return run
}

/** Where `PATH` has the program; null if it has not. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | null {
  return (
    pathDirectories(env)
      .map(directory => join(directory, name))
      .find(isExecutable) ?? null
  )
}

export function pathDirectories(env: NodeJS.ProcessEnv): readonly string[] {
  return (env.PATH ?? '').split(delimiter).filter(directory => directory !== '')
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
