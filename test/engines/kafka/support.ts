import { onTestFinished } from 'vitest'
import { openKafkaLog } from '../../../src/adapters/kafka/log.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { KafkaConfig } from '../../../src/sdk/targets/kafka.ts'

/** Brokers of the engine under test, which tests share: every one uses names of its own. */
export function testBrokers(): readonly string[] {
  const brokers = process.env.MILLRACE_TEST_KAFKA
  if (brokers === undefined) throw new Error('Kafka is missing: set MILLRACE_TEST_KAFKA to host:port of a broker.')
  return brokers.split(',')
}

export function openLog(settings: Partial<KafkaConfig> = {}, env: NodeJS.ProcessEnv = {}): Promise<Log> {
  const config: KafkaConfig = { adapter: 'kafka', brokers: testBrokers(), ...settings }
  return openKafkaLog(config, { clock: systemClock, random: systemRandom, env, directory: import.meta.dirname })
}

/** A log that is closed when the test is over. */
export async function openTestLog(settings: Partial<KafkaConfig> = {}, env: NodeJS.ProcessEnv = {}): Promise<Log> {
  const log = await openLog(settings, env)
  onTestFinished(() => log.close())
  return log
}
