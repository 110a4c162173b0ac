import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { TargetConfig } from '../../src/sdk/config.ts'
import { type RunningEngine, startEngine } from '../../src/stack/start-engine.ts'
import { killRound } from '../faults/kill-round.ts'

const embedded = { adapter: 'embedded' } as const
const kills = 4

describe('the users pipeline as it is', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-users-'))
  let kafka: RunningEngine
  let registry: RunningEngine
  let cassandra: RunningEngine

  beforeAll(async () => {
    const start = (kind: Parameters<typeof startEngine>[0]) => startEngine(kind, { directory: join(directory, kind) })
    ;[kafka, registry, cassandra] = await Promise.all([start('kafka'), start('schema-registry'), start('cassandra')])
  })

  afterAll(async () => {
    await Promise.all([kafka, registry, cassandra].map(engine => engine?.stop()))
    rmSync(directory, { recursive: true, force: true })
  })

  const log = () => ({ adapter: 'kafka', brokers: [kafka.address] }) as const
  const table = () =>
    ({ adapter: 'cassandra', contactPoints: [cassandra.address], localDataCenter: 'datacenter1' }) as const

  async function killed(target: TargetConfig): Promise<void> {
    const project = join(import.meta.dirname, 'project')
    await killRound({ kills, project, targetName: 'test', target, env: { TEST_TARGET: JSON.stringify(target) } })
  }

  it(`on Kafka, a registry and Cassandra, killed at ${kills} moments (G1–G5)`, { timeout: 300_000 }, async () => {
    const address = { adapter: 'schema-registry', url: registry.address } as const
    await killed({ log: log(), registry: address, table: table(), orchestrator: embedded, processor: embedded })
  })
})
