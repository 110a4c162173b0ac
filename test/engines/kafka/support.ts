import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { openKafkaLog } from '../../../src/adapters/kafka/log.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import type { Log, TopicSpec } from '../../../src/ports/log.ts'
import type { KafkaConfig } from '../../../src/sdk/targets/kafka.ts'
import { type RunningEngine, startEngine } from '../../../src/stack/start-engine.ts'

/** Kafka 4, or with `MILLRACE_TEST_KAFKA=3.9` Kafka 3.9 with ZooKeeper. */
export const kafkaKind = process.env.MILLRACE_TEST_KAFKA === '3.9' ? 'kafka-zookeeper' : 'kafka'

/** What `groups` of a target can be there. */
export const groupProtocols = kafkaKind === 'kafka' ? (['consumer', 'classic'] as const) : (['classic'] as const)

/** A broker of the test file's own. */
export function kafkaOfThisFile(
  settings: { readonly [name: string]: string } = {},
  kind: typeof kafkaKind = kafkaKind,
): () => RunningEngine {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
  let engine: RunningEngine | undefined
  beforeAll(async () => {
    engine = await startEngine(kind, { directory, settings })
    await makeTransactionTopic(engine.address)
  })
  afterAll(async () => {
    await engine?.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  return () => engine!
}

export function openLog(
  brokers: string,
  settings: Partial<KafkaConfig> = {},
  env: NodeJS.ProcessEnv = {},
  clock: Clock = systemClock,
): Promise<Log> {
  const config: KafkaConfig = { adapter: 'kafka', brokers: [brokers], ...settings }
  return openKafkaLog(config, { clock, random: systemRandom, env, directory: import.meta.dirname })
}

/**
 * A cluster makes the topic that it keeps transactions in for the first producer, which on a busy machine takes longer than
 * the limits of some tests.
 */
export async function makeTransactionTopic(brokers: string): Promise<void> {
  const log = await openLog(brokers)
  await (await log.producer('first')).close()
  await log.close()
}

/** A log that is closed when the test is over. */
export async function openTestLog(
  brokers: string,
  settings: Partial<KafkaConfig> = {},
  env: NodeJS.ProcessEnv = {},
): Promise<Log> {
  const log = await openLog(brokers, settings, env)
  onTestFinished(() => log.close())
  return log
}

/** A new topic, with a name of its own. */
export async function createTopic(log: Log, settings: Partial<TopicSpec> = {}): Promise<string> {
  const name = `topic-${Math.random().toString(36).slice(2, 10)}`
  await log.admin.createTopic({
    name,
    partitions: 1,
    replication: 1,
    retentionMs: 1e9,
    maxRecordBytes: 1e6,
    ...settings,
  })
  return name
}

/** Ports that nobody listens on just now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  const ports = await Promise.all(
    servers.map(async server => {
      if (!server.listening) await new Promise(resolve => server.once('listening', resolve))
      return (server.address() as { port: number }).port
    }),
  )
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}
