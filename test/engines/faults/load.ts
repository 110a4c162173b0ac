import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { defaultMix, type LoadMix } from './sent-record.ts'

export interface LoadOptions {
  /** `host:port` of a broker. */
  readonly brokers: string
  /** Base URL of the registry, which has the schema of the topic. */
  readonly registry: string
  readonly topic: string
  /** What is sent depends on it alone. */
  readonly seed: string
  readonly mix?: LoadMix
  /** Records a second; null for as many as the broker takes. */
  readonly rate: number | null
  /** Most records of one request. Default 500. */
  readonly batch?: number
  /** Ends by itself after so many records. Default: goes on until it is stopped. */
  readonly limit?: number
}

export type LoadProgramOptions = Required<LoadOptions>

/** What the program says: records `from` to `to` are acknowledged, those of each partition from its base offset on. */
export type LoadReport =
  | { readonly from: number; readonly to: number; readonly offsets: readonly (readonly [number, number])[] }
  | { readonly failed: string }

export interface Sent {
  readonly seed: string
  readonly mix: LoadMix
  /** All records with a lower number are acknowledged. */
  readonly records: number
  /** Acknowledged requests: their records and where each partition's share begins. */
  readonly requests: readonly {
    readonly from: number
    readonly to: number
    readonly baseOffsets: ReadonlyMap<number, number>
  }[]
  /** Why sends failed, each of which was repeated. */
  readonly failures: readonly string[]
}

export interface Load {
  /** What is acknowledged by now. */
  sent(): Sent
  /** Resolves when so many records are acknowledged. @throws if the load ends before. */
  reached(records: number): Promise<void>
  /** Ends it after the request under way, and returns everything. */
  stop(): Promise<Sent>
}

/** Starts a load in a process of its own, which ends with the test at the latest. */
export function startLoad(options: LoadOptions): Load {
  const mix = options.mix ?? defaultMix
  const program: LoadProgramOptions = { batch: 500, limit: Number.MAX_SAFE_INTEGER, ...options, mix }
  const child = fork(join(import.meta.dirname, 'load-program.ts'), [JSON.stringify(program)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const requests: Sent['requests'][number][] = []
  const failures: string[] = []
  let records = 0
  let waiting: { readonly records: number; readonly resolve: () => void; readonly reject: (error: Error) => void }[] =
    []
  child.on('message', (report: LoadReport) => {
    if ('failed' in report) {
      failures.push(report.failed)
      return
    }
    const { from, to, offsets } = report
    requests.push({ from, to, baseOffsets: new Map(offsets) })
    records = to
    for (const each of waiting) if (each.records <= records) each.resolve()
    waiting = waiting.filter(each => each.records > records)
  })
  child.on('exit', () => {
    for (const each of waiting) each.reject(new Error(`The load ended after ${records} records.`))
  })
  const sent = (): Sent => ({ seed: options.seed, mix, records, requests: [...requests], failures: [...failures] })
  return {
    sent,
    reached: async count => {
      if (count <= records) return
      if (child.exitCode !== null) throw new Error(`The load ended after ${records} records.`)
      await new Promise<void>((resolve, reject) => waiting.push({ records: count, resolve, reject }))
    },
    stop: async () => {
      // One with a limit may be ending by itself at this moment; the code it ends with tells how.
      if (child.connected) child.send('stop', () => {})
      const [code] = (await exited) as [number | null]
      if (code !== 0) throw new Error(`The load ended with code ${code}.`)
      return sent()
    },
  }
}
