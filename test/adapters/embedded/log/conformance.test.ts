import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { openEmbeddedLog } from '../../../../src/adapters/embedded/log/log.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'
import type { Log } from '../../../../src/ports/log.ts'
import { type LogFixture, logConformance } from '../../../../src/testing/log-conformance.ts'

async function openFixture(): Promise<LogFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  const opened: Log[] = []
  const another = async () => {
    const log = openEmbeddedLog({ path: join(directory, 'log.sqlite'), clock: systemClock })
    opened.push(log)
    return log
  }
  return {
    log: await another(),
    another,
    sessionTimeoutMs: 3_000,
    patienceMs: 60_000,
    dispose: async () => {
      for (const log of opened) await log.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

describe('the embedded log', () => {
  for (const { rule, check } of logConformance(openFixture)) it(rule, check)
})
