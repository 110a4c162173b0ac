import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Engines } from './engines.ts'
import type { Setting } from './setting.ts'

export type ProgramName = 'millrace' | 'kafkajs' | 'platformatic'

/** What a process has used when it ended. */
export interface Usage {
  readonly cpuMicros: number
  readonly peakBytes: number
}

export interface Program {
  /** Resolves when the program has ended in order. Rejects if it did not. */
  readonly ended: Promise<Usage>
  /** Tells it to end in order. */
  stop(): void
  /** Ends it by force, if it has not ended. */
  kill(): void
}

const root = resolve(import.meta.dirname, '../..')
const millrace = join(root, 'bin/millrace.js')
/** Those of its first line. */
const flags = readFileSync(millrace, 'utf8')
  .split('\n')[0]!
  .split(' ')
  .filter(word => word.startsWith('--'))

export interface Programs {
  readonly engines: Engines
  readonly setting: Setting
  /** A directory for what they write. */
  readonly directory: string
}

/**
 * Starts a program that moves users from its topic to the table, from where its group is.
 * @param records after which it ends; without, when it is told to
 */
export function startProgram(name: ProgramName, { engines, setting, directory }: Programs, records?: number): Program {
  const run = `${name}-${randomUUID()}`
  const usagePath = join(directory, `${run}.json`)
  const { broker, contactPoint, target } = engines
  const plain = { broker, contactPoint, topic: setting.topics.json.name, group: run, records }
  const project = ['--project', join(root, 'bench/project'), '--target', 'bench']
  const untilCaughtUp = records === undefined ? [] : ['--until-caught-up']
  const args =
    name === 'millrace'
      ? [...flags, millrace, 'run', 'users/spark_stream', ...untilCaughtUp, ...project, '--json']
      : [join(root, `bench/baselines/${name}.ts`), JSON.stringify(plain)]
  const child = spawn(process.execPath, ['--import', join(import.meta.dirname, 'usage.js'), ...args], {
    env: {
      ...process.env,
      ...{ BENCH_USAGE: usagePath, BENCH_TARGET: JSON.stringify(target), MILLRACE_STATE: setting.statePath },
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return {
    ended: usageOf(child, name, usagePath),
    stop: () => void child.kill('SIGTERM'),
    kill: () => void child.kill('SIGKILL'),
  }
}

async function usageOf(child: ChildProcess, name: ProgramName, path: string): Promise<Usage> {
  let said = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000)
  })
  const [code, signal] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${name} ended with ${code ?? signal}:\n${said}`)
  return JSON.parse(readFileSync(path, 'utf8')) as Usage
}
