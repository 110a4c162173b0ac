import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { TargetConfig } from '../../../src/sdk/config.ts'
import type { KafkaConfig, KafkaLimits } from '../../../src/sdk/targets/kafka.ts'
import { type RunningEngine, type StartEngineOptions, startEngine } from '../../../src/stack/start-engine.ts'

export interface FaultEngines {
  readonly kafka: RunningEngine
  readonly registry: RunningEngine
  readonly cassandra: RunningEngine
}

type KafkaOptions = () => Promise<Pick<StartEngineOptions, 'ports' | 'settings'>>

/** Kafka, a registry and Cassandra of the test file's own; none of them loses what it acknowledged when it is killed. */
export function enginesOfThisFile(kafkaOptions: KafkaOptions = async () => ({})): () => FaultEngines {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-faults-'))
  const started: RunningEngine[] = []
  let engines: FaultEngines | undefined
  beforeAll(async () => {
    const start = async (...[kind, options]: Parameters<typeof startEngine>) => {
      const engine = await startEngine(kind, options)
      started.push(engine)
      return engine
    }
    const { ports = 'free', settings = {} } = await kafkaOptions()
    const [kafka, registry, cassandra] = await Promise.all([
      start('kafka', { directory: join(directory, 'kafka'), ports, settings: { ...kafkaSettings, ...settings } }),
      start('schema-registry', { directory: join(directory, 'schema-registry') }),
      start('cassandra', { directory: join(directory, 'cassandra'), settings: cassandraSettings }),
    ])
    engines = { kafka, registry, cassandra }
  })
  afterAll(async () => {
    await Promise.all(started.map(engine => engine.stop()))
    rmSync(directory, { recursive: true, force: true })
  })
  return () => engines!
}

/** So that many members can be killed in a few minutes. */
const kafkaSettings = {
  'group.min.session.timeout.ms': '1000',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
}

const cassandraSettings = {
  // Otherwise a node that is killed loses the last 100 ms of what it acknowledged.
  commitlog_sync: 'batch',
  commitlog_sync_period: null,
  // Readers are to see everything, also on a machine that has much else to do.
  read_request_timeout: '60000ms',
  range_request_timeout: '60000ms',
}

/** The target `stack` on these engines. */
export function targetOn(
  { kafka, registry, cassandra }: FaultEngines,
  limits: KafkaLimits = {},
  groups: NonNullable<KafkaConfig['groups']> = 'auto',
): TargetConfig {
  const adapter = { adapter: 'embedded' } as const
  return {
    log: { adapter: 'kafka', brokers: [kafka.address], groups, limits },
    registry: { adapter: 'schema-registry', url: registry.address },
    table: { adapter: 'cassandra', contactPoints: [cassandra.address], localDataCenter: 'datacenter1' },
    orchestrator: adapter,
    processor: adapter,
  }
}
