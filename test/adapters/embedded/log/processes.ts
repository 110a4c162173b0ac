import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

/** A process of its own that runs one of the programs in this folder, and whose lines a test waits for. */
export class Program {
  readonly #child: ChildProcess
  readonly lines: string[] = []
  readonly #lines: AsyncIterator<string>

  constructor(file: string, ...parameters: string[]) {
    const path = new URL(file, import.meta.url).pathname
    this.#child = spawn(process.execPath, [path, ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
    onTestFinished(() => this.kill())
  }

  /** The next line it prints; null after its last one. */
  async line(): Promise<string | null> {
    const { value, done } = await this.#lines.next()
    if (done) return null
    this.lines.push(value)
    return value
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Ends it without warning and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
