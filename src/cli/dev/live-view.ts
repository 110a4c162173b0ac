import type { Clock } from '../../ports/clock.ts'
import { interceptOutput } from './foreign-output.ts'
import { readKeys } from './keys.ts'
import { LiveTerminal } from './live-terminal.ts'
import type { DevSnapshot } from './snapshot.ts'
import { type Size, type Style, terminalStyle } from './style.ts'
import { guardTerminal, suspend } from './terminal-guard.ts'
import { renderView, type ViewState } from './view.ts'

export interface LiveViewOptions {
  readonly snapshot: () => DevSnapshot
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly stdin: NodeJS.ReadStream
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly command: string
  readonly on: { trigger(): void; quit(): void }
}

/** Eight frames a second. */
const frameMs = 125
/** How long the answer to a key is shown. */
const answerMs = 3_000

/** Draws snapshots on a terminal and reads its keys, until it is finished. */
export class LiveView {
  readonly #options: LiveViewOptions
  readonly #style: Style
  readonly #terminal: LiveTerminal
  readonly #output
  readonly #stopGuard: () => void
  readonly #ended = new AbortController()
  #stopKeys: (() => void) | null = null
  #page: 'live' | 'help' = 'live'
  #answer: { readonly text: string; readonly until: number } | null = null

  constructor(options: LiveViewOptions) {
    const { stdout, stderr, env } = options
    this.#options = options
    this.#style = terminalStyle(env, stdout.getColorDepth(env))
    this.#output = interceptOutput([stdout, ...(stderr.isTTY ? [stderr] : [])], () => this.#terminal.erase())
    this.#terminal = new LiveTerminal(text => this.#output.write(text))
    this.#stopGuard = guardTerminal({ release: () => this.#release(), resume: () => this.#resume() })
    stdout.on('resize', this.#redraw)
    this.#resume()
    void this.#run()
  }

  /** Leaves the last picture above the cursor and the terminal as it was. */
  finish(): void {
    if (this.#ended.signal.aborted) return
    this.#ended.abort()
    this.#draw('ended')
    this.#release()
    this.#stopGuard()
    this.#options.stdout.off('resize', this.#redraw)
    this.#output.stop()
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      await this.#options.clock.sleep(frameMs, signal).catch(() => {})
      if (!signal.aborted) this.#draw(this.#page)
    }
  }

  #draw(page: ViewState['page']): void {
    const { snapshot, stdout, clock, command } = this.#options
    // A terminal that cannot keep up gets the next frame, not all of them.
    if (stdout.writableLength > 0 && page !== 'ended') return
    if (this.#answer !== null && clock.elapsed() >= this.#answer.until) this.#answer = null
    const state = { page, keys: this.#stopKeys !== null, answer: this.#answer?.text ?? null, command }
    const lines = renderView(snapshot(), sizeOf(stdout), this.#style, state)
    if (this.#output.takeUnfinished()) this.#output.write('\r\n')
    this.#terminal.draw(lines)
  }

  readonly #redraw = () => {
    this.#terminal.erase()
    this.#draw(this.#page)
  }

  #resume(): void {
    const { stdin, on } = this.#options
    if (this.#ended.signal.aborted) return
    if (stdin.isTTY) {
      this.#stopKeys ??= readKeys(stdin, {
        trigger: () => {
          this.#say('asked for a run')
          on.trigger()
        },
        quit: () => {
          this.#say('stopping: what is in hand is finished first')
          on.quit()
        },
        help: () => {
          this.#page = this.#page === 'help' ? 'live' : 'help'
          this.#draw(this.#page)
        },
        suspend,
        redraw: this.#redraw,
      })
    }
    this.#draw(this.#page)
  }

  #release(): void {
    this.#terminal.release()
    this.#stopKeys?.()
    this.#stopKeys = null
  }

  #say(text: string): void {
    this.#answer = { text, until: this.#options.clock.elapsed() + answerMs }
    this.#draw(this.#page)
  }
}

/** Some pseudo-terminals say 0 × 0. */
function sizeOf({ columns, rows }: NodeJS.WriteStream): Size {
  return { columns: columns || 80, rows: rows || 24 }
}
