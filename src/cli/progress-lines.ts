import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { Json } from '../sdk/json.ts'
import type { CliContext } from './context.ts'
import { countOf, formatCount, formatElapsed, printable } from './text.ts'

/** Between two lines, in milliseconds. */
const intervalMs = 2_000

/** What a running stage has done so far. */
export interface SoFar {
  readonly records: number
  readonly deadLetters: number
  /** Further facts for people. */
  readonly facts: readonly string[]
  /** Everything, for machines. */
  readonly totals: Json
}

/** Says every few seconds what a stage has done: in words on standard error or, with `--json`, on standard output. */
export class ProgressLines {
  readonly #context: CliContext
  readonly #json: boolean
  readonly #clock: Clock
  readonly #startedAt: number
  #shownAt: number
  #shownRecords = 0

  constructor(context: CliContext, json: boolean, clock: Clock) {
    this.#context = context
    this.#json = json
    this.#clock = clock
    this.#startedAt = this.#shownAt = clock.elapsed()
  }

  /** @param soFar called only if a line is due */
  show(soFar: () => SoFar): void {
    const now = this.#clock.elapsed()
    const seconds = (now - this.#shownAt) / 1_000
    if (seconds * 1_000 < intervalMs) return
    const { records, deadLetters, facts, totals } = soFar()
    const rate = Math.max(0, Math.round((records - this.#shownRecords) / seconds))
    this.#shownAt = now
    this.#shownRecords = records
    if (this.#json) {
      void this.#context.stdout.json({ kind: 'progress', recordsPerSecond: rate, result: totals })
      return
    }
    const elapsed = formatElapsed(now - this.#startedAt).padStart(8)
    const all = [countOf(records, 'record'), `${formatCount(rate)}/s`, countOf(deadLetters, 'dead letter'), ...facts]
    void this.#context.stderr.line(`${elapsed}  ${all.join(', ')}`)
  }
}

/** Says what a stage logs on standard error. */
export function stderrLogger({ stderr }: CliContext): Logger {
  const styles = { info: 'dim', warn: 'yellow', error: 'red' } as const
  return {
    log: (level, text) => void stderr.line(stderr.style(styles[level], `${level.padEnd(5)} ${printable(text)}`)),
  }
}

/** Logs to both. */
export function bothLoggers(one: Logger, other: Logger): Logger {
  return {
    log(level, text, facts) {
      one.log(level, text, facts)
      other.log(level, text, facts)
    },
  }
}
