import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { openSchemaRegistry } from '../../../src/adapters/schema-registry/schema-registry.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import type { SchemaRegistry } from '../../../src/ports/schema-registry.ts'
import { type RunningEngine, startEngine } from '../../../src/stack/start-engine.ts'

/** An Apicurio of the test file's own. */
export function apicurioOfThisFile(): () => RunningEngine {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-apicurio-'))
  let engine: RunningEngine | undefined
  beforeAll(async () => {
    engine = await startEngine('schema-registry', { directory })
  })
  afterAll(async () => {
    await engine?.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  return () => engine!
}

/** A client that really waits before it tries again. */
export function openRegistry(url: string): Promise<SchemaRegistry> {
  const options = { clock: systemClock, random: systemRandom, env: {}, directory: '.' }
  return openSchemaRegistry({ adapter: 'schema-registry', url, limits: { timeout: '2s' } }, options)
}
