import type { Clock } from '../../../ports/clock.ts'
import type { Logger } from '../../../ports/logger.ts'
import type { LogLineRow } from './rows.ts'

export interface AttemptLogLimits {
  readonly lines: number
  /** Characters of text and facts, over all lines. */
  readonly characters: number
}

export const attemptLogLimits: AttemptLogLimits = { lines: 10_000, characters: 1024 * 1024 }

const longestLine = 8 * 1024
const longestNote = 1000

/** What an attempt says, held until it is written; cut, with a last line that says so, at its limits. */
export interface AttemptLog extends Logger {
  note(text: string): void
  /** Everything not yet written, oldest first. */
  readonly pending: { readonly lines: readonly LogLineRow[]; readonly note: string | null }
  /** Forgets `pending`, in the same turn in which it was written. */
  written(): void
  /** From now on nothing is taken: the attempt has ended, even if its handler has not noticed. */
  close(): void
}

/** `onPending` is called when there is something to write after there was nothing. */
export function attemptLog(clock: Clock, onPending: () => void, limits = attemptLogLimits): AttemptLog {
  let lines: LogLineRow[] = []
  let note: string | null = null
  let count = 0
  let characters = 0
  let full = false
  let closed = false

  function add(row: Omit<LogLineRow, 'line'>): void {
    const idle = lines.length === 0 && note === null
    count += 1
    characters += row.text.length + row.facts.length
    lines.push({ line: count, ...row })
    if (idle) onPending()
  }

  return {
    log(level, text, facts = {}) {
      if (closed || full) return
      const at = clock.now()
      full = count === limits.lines || characters >= limits.characters
      if (full) {
        add({ at, level: 'warn', text: `The log was cut here: ${count} lines are kept of an attempt.`, facts: '{}' })
      } else {
        const json = factsText(facts)
        add({ at, level, text: cut(text, longestLine), facts: json.length > longestLine ? '{"cut":true}' : json })
      }
    },
    note(text) {
      if (closed) return
      const idle = lines.length === 0 && note === null
      note = cut(text, longestNote)
      if (idle) onPending()
    },
    get pending() {
      return { lines, note }
    },
    written() {
      lines = []
      note = null
    },
    close() {
      closed = true
    },
  }
}

function factsText(facts: unknown): string {
  try {
    return JSON.stringify(facts) ?? '{}'
  } catch (error) {
    return JSON.stringify({ unreadable: (error as Error).message })
  }
}

export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}
