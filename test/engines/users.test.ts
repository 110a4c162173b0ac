import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { TargetConfig } from '../../src/sdk/config.ts'
import { type RunningEngine, startEngine } from '../../src/stack/start-engine.ts'
import { killRound } from '../faults/kill-round.ts'

const embedded = { adapter: 'embedded' } as const

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

  async function killed(kills: number, target: TargetConfig): Promise<void> {
    const project = join(import.meta.dirname, 'project')
    await killRound({ kills, project, targetName: 'test', target, env: { TEST_TARGET: JSON.stringify(target) } })
  }

  const timeout = 300_000
  const local = { log: embedded, registry: embedded, table: embedded, orchestrator: embedded, processor: embedded }

  it('on Kafka, a registry and Cassandra, killed at 10 moments (G1–G5)', { timeout }, async () => {
    const address = { adapter: 'schema-registry', url: registry.address } as const
    await killed(10, { ...local, log: log(), registry: address, table: table() })
  })

  it('on Kafka with SQLite tables, killed at 4 moments (G10)', { timeout }, async () => {
    await kafka.stop()
    rmSync(join(directory, 'kafka'), { recursive: true, force: true })
    kafka = await startEngine('kafka', { directory: join(directory, 'kafka') })
    await killed(4, { ...local, log: log() })
  })

  it('on the embedded log with Cassandra, killed at 4 moments (G10)', { timeout }, async () => {
    await cassandra.stop()
    rmSync(join(directory, 'cassandra'), { recursive: true, force: true })
    cassandra = await startEngine('cassandra', { directory: join(directory, 'cassandra') })
    await killed(4, { ...local, table: table() })
  })
})
