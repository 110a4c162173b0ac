import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import type { SparkFunction } from '../../../src/adapters/spark/session-setup.ts'
import type { SparkJars } from './build-sink.ts'

/** What Spark's own launcher gives to a Java that has modules. */
const opens = [
  ...['java.lang', 'java.lang.invoke', 'java.lang.reflect', 'java.io', 'java.net', 'java.nio', 'java.util'],
  ...['java.util.concurrent', 'java.util.concurrent.atomic', 'jdk.internal.ref', 'sun.nio.ch', 'sun.nio.cs'],
  ...['sun.security.action', 'sun.util.calendar'],
].map(name => `--add-opens=java.base/${name}=ALL-UNNAMED`)

export interface SinkTask {
  readonly mode: 'batch' | 'append' | 'update'
  /** Default: the next micro-batch as soon as the last one is over. */
  readonly trigger?: 'availableNow' | 'realTime'
  /** How long one lasts in real-time mode; default 5 minutes. */
  readonly batch?: string
  readonly source: { readonly [option: string]: string }
  /** On the view `records`, which has what Spark's Kafka source gives. */
  readonly sql: string
  /** That it uses, beside Spark's own. */
  readonly functions?: readonly SparkFunction[]
  readonly sink: { readonly [option: string]: string }
  readonly checkpoint?: string
  readonly conf?: { readonly [option: string]: string }
}

/** One Spark process with one query; see SinkRun.java. */
export class SparkRun {
  readonly #child: ChildProcess
  readonly #directory: string
  readonly #lines: string[] = []
  readonly #waiting = new Set<() => void>()
  readonly #closed: Promise<unknown>
  #isClosed = false

  constructor(task: SinkTask, jars: SparkJars, env: NodeJS.ProcessEnv = {}) {
    this.#directory = mkdtempSync(join(tmpdir(), 'millrace-spark-'))
    const file = join(this.#directory, 'task.json')
    const conf = {
      'spark.ui.enabled': 'false',
      'spark.driver.host': '127.0.0.1',
      'spark.driver.bindAddress': '127.0.0.1',
      'spark.sql.session.timeZone': 'UTC',
      'spark.sql.shuffle.partitions': '2',
      'spark.sql.streaming.pollingDelay': '10ms',
      'spark.local.dir': this.#directory,
      'spark.sql.warehouse.dir': join(this.#directory, 'warehouse'),
      ...task.conf,
    }
    writeFileSync(file, JSON.stringify({ ...task, conf }))
    const args = ['-Xmx768m', ...opens, '-cp', jars.classPath, join(import.meta.dirname, 'SinkRun.java'), file]
    this.#child = spawn(join(jars.javaHome, 'bin/java'), args, {
      env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface({ input: stream }).on('line', line => {
        this.#lines.push(line)
        this.#wake()
      })
    }
    this.#closed = once(this.#child, 'close').then(() => {
      this.#isClosed = true
      this.#wake()
    })
    onTestFinished(async () => {
      await this.kill()
      rmSync(this.#directory, { recursive: true, force: true })
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Everything it has printed. */
  get output(): string {
    return this.#lines.join('\n')
  }

  /** Resolves with the first line that has the text, among those printed and those to come. */
  async line(text: string): Promise<string> {
    for (let seen = 0; ; ) {
      const found = this.#lines.slice(seen).find(line => line.includes(text))
      if (found !== undefined) return found
      if (this.#isClosed) throw new Error(`Spark ended without «${text}»:\n${this.output.slice(-4_000)}`)
      seen = this.#lines.length
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.add(resolve)
      await promise
    }
  }

  /** Resolves when the query is over, and rejects if it failed. */
  async done(): Promise<void> {
    await this.line('DONE')
    await this.#closed
  }

  /** Why the query failed. */
  async failure(): Promise<string> {
    const line = await this.line('FAILED')
    await this.#closed
    return line
  }

  /** As a crash. */
  async kill(): Promise<void> {
    if (!this.#isClosed) process.kill(-this.pid, 'SIGKILL')
    await this.#closed
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
