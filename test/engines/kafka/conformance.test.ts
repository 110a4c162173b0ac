import { describe, it } from 'vitest'
import type { Log } from '../../../src/ports/log.ts'
import { type LogFixture, logConformance } from '../../../src/testing/log-conformance.ts'
import { groupProtocols, kafkaOfThisFile, openLog } from './support.ts'

const kafka = kafkaOfThisFile()

async function openFixture(groups: 'auto' | 'consumer' | 'classic'): Promise<LogFixture> {
  const opened: Log[] = []
  const another = async () => {
    const log = await openLog(kafka().address, { groups })
    opened.push(log)
    return log
  }
  return {
    log: await another(),
    another,
    // Brokers take no less unless they are told to.
    sessionTimeoutMs: 6_000,
    patienceMs: 20_000,
    dispose: async () => {
      await Promise.all(opened.map(log => log.close()))
    },
  }
}

describe.each(groupProtocols)('the log on Kafka with %s groups', { timeout: 60_000 }, groups => {
  for (const { rule, check } of logConformance(() => openFixture(groups))) it(rule, check)
})
