import { join } from 'node:path'
import type { TargetConfig } from '../../src/sdk/config.ts'
import { type RunningEngine, startEngine } from '../../src/stack/start-engine.ts'

/** Kafka, a registry and Cassandra of the benchmark's own. */
export interface Engines {
  readonly broker: string
  readonly contactPoint: string
  readonly target: TargetConfig
  stop(): Promise<void>
}

/** @throws MillraceError `ENGINE_MISSING` with what is not installed. */
export async function startEngines(directory: string): Promise<Engines> {
  const start = (kind: RunningEngine['kind'], settings: { readonly [name: string]: string } = {}) =>
    startEngine(kind, { directory: join(directory, kind), settings })
  const started = await Promise.allSettled([
    start('kafka'),
    start('schema-registry'),
    // The table is emptied before each run: without this every time a copy would be kept.
    start('cassandra', { auto_snapshot: 'false' }),
  ])
  const running = started.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  const stop = async () => void (await Promise.all(running.map(engine => engine.stop())))
  const [kafka, registry, cassandra] = running
  if (kafka === undefined || registry === undefined || cassandra === undefined) {
    await stop()
    throw started.find(each => each.status === 'rejected')!.reason
  }
  const embedded = { adapter: 'embedded' } as const
  return {
    broker: kafka.address,
    contactPoint: cassandra.address,
    target: {
      log: { adapter: 'kafka', brokers: [kafka.address] },
      registry: { adapter: 'schema-registry', url: registry.address },
      table: { adapter: 'cassandra', contactPoints: [cassandra.address], localDataCenter: 'datacenter1' },
      orchestrator: embedded,
      processor: embedded,
    },
    stop,
  }
}
