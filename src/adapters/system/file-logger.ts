import { appendFileSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import type { LogLine } from '../../ports/orchestrator.ts'

/** A log file that has reached this many bytes becomes the `.1` file, replacing the one before. */
const maxFileBytes = 5 * 1024 * 1024

/** Appends lines of JSON to `<directory>/<name>.ndjson`. At most twice 5 MiB are kept. A line that cannot be written is dropped. */
export function fileLogger(directory: string, name: string, clock: Clock): Logger {
  const path = logFile(directory, name)
  return {
    log(level, text, facts = {}) {
      const line: LogLine = { at: new Date(clock.now()).toISOString(), level, text, facts }
      try {
        if (existsSync(path) && statSync(path).size > maxFileBytes) renameSync(path, `${path}.1`)
        appendFileSync(path, `${JSON.stringify(line)}\n`)
      } catch {
        // A full disk is what a stage has to tell about and to survive: its state says it too.
      }
    },
  }
}

/** What `fileLogger` wrote, oldest first; empty if it never did. */
export function readLogFile(directory: string, name: string): readonly LogLine[] {
  const path = logFile(directory, name)
  return [`${path}.1`, path]
    .filter(existsSync)
    .flatMap(file => readFileSync(file, 'utf8').split('\n'))
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as LogLine)
}

function logFile(directory: string, name: string): string {
  return join(directory, `${name}.ndjson`)
}
