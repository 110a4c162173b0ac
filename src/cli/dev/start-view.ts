import type { Clock } from '../../ports/clock.ts'
import { LiveView } from './live-view.ts'
import { asJsonLine, asPlainLine, devLines, stoppedLine } from './plain.ts'
import type { DevSnapshot } from './snapshot.ts'

export interface ViewOptions {
  /** Asked for at every frame; must be cheap. */
  readonly snapshot: () => DevSnapshot
  readonly stdout: NodeJS.WriteStream
  readonly stdin: NodeJS.ReadStream
  /** Default `process.stderr`. What is written to it while the view is up appears above the view. */
  readonly stderr?: NodeJS.WriteStream
  /** One JSON document a line, on a terminal too. */
  readonly json: boolean
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  /**
   * `quit` is called for every q and Ctrl-C: a second one may end the process at once. A SIGINT from elsewhere (Ctrl-C where
   * no keys are read) is the caller's.
   */
  readonly on: { trigger(): void; quit(): void }
}

export interface View {
  /** Shows the last state and gives the terminal back. Further calls do nothing. */
  finish(): void
}

/** How often lines look for something to say, in milliseconds. */
const linesMs = 250

/** Shows what a pipeline does: a live picture on a terminal, else lines. */
export function startView(options: ViewOptions): View {
  const { stdout, env, json } = options
  // Under npm the command is not on the PATH of the other terminal.
  const command = env.npm_execpath === undefined ? 'millrace' : 'npx millrace'
  const live = !json && stdout.isTTY === true && env.TERM !== 'dumb'
  return live ? new LiveView({ stderr: process.stderr, ...options, command }) : startLines(options, command)
}

function startLines({ snapshot, stdout, clock, json }: ViewOptions, command: string): View {
  const ended = new AbortController()
  const write = json ? asJsonLine : asPlainLine
  let previous: DevSnapshot | null = null

  const look = (): DevSnapshot => {
    const next = snapshot()
    for (const line of devLines(previous, next, command)) stdout.write(`${write(line)}\n`)
    previous = next
    return next
  }
  const run = async () => {
    while (!ended.signal.aborted) {
      look()
      await clock.sleep(linesMs, ended.signal).catch(() => {})
    }
  }
  void run()
  return {
    finish() {
      if (ended.signal.aborted) return
      ended.abort()
      stdout.write(`${write(stoppedLine(look()))}\n`)
    },
  }
}
