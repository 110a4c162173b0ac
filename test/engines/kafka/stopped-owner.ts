/** Owns partition 0 of `topic`, and whenever told appends to `letters` with a commit as its owner; prints how that went. */
import { createInterface } from 'node:readline'
import { openKafkaLog } from '../../../src/adapters/kafka/log.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import { asMillraceError } from '../../../src/sdk/errors.ts'

const [brokers, groups, ...names] = process.argv.slice(2) as [string, 'consumer' | 'classic', ...string[]]
const [group, topic, letters] = names as [string, string, string]
const log = await openKafkaLog(
  { adapter: 'kafka', brokers: [brokers], groups },
  { clock: systemClock, random: systemRandom, env: {}, directory: '.' },
)
const subscription = await log.subscribe({ group, topic, member: 'stopped', sessionTimeoutMs: 6_000 })
const event = await subscription.next({ maxRecords: 1, maxBytes: 1, waitMs: 30_000 })
if (event.kind !== 'assigned') throw new Error(`Got ${event.kind}.`)
const producer = await log.producer(`${group}.stopped`)
const print = (line: string) => process.stdout.write(`${line}\n`)
print('ready')
for await (const value of createInterface({ input: process.stdin })) {
  const record = { topic: letters, key: null, value: Buffer.from(value), partition: 0 }
  const commit = { group, topic, partition: event.partition, next: 1, metadata: value, epoch: event.epoch }
  await producer.append([record], [commit]).then(
    () => print('appended'),
    error => print(asMillraceError(error).code),
  )
}
