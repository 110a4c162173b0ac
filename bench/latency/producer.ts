/**
 * Sends users at a fixed rate, whatever becomes of those before (open loop): each carries in `registered_date` when it
 * was due, not when it was sent.
 *
 * Forked with `ProducerOptions`. Reports the milliseconds from due to acknowledged by all in-sync replicas, of each
 * measured record.
 */
import { compatibilityPartitioner, ProduceAcks, Producer } from '@platformatic/kafka'
import { toAvro, toUser } from '../baselines/row.ts'
import { benchUser } from '../user.ts'
import { dueAt, monotonicMs, report, type Schedule, untilDue, whenStarted } from './schedule.ts'

interface ProducerOptions {
  readonly broker: string
  readonly topic: string
  /** Null: as JSON. */
  readonly schemaId: number | null
  readonly schedule: Omit<Schedule, 'startsAt'>
}

const { broker, topic, schemaId, schedule: load } = JSON.parse(process.argv[2]!) as ProducerOptions
const producer = new Producer({
  ...{ clientId: 'bench', bootstrapBrokers: [broker], idempotent: true, acks: ProduceAcks.ALL },
  partitioner: compatibilityPartitioner,
})
await producer.metadata({ topics: [topic] })
await producer.initIdempotentProducer({})
const schedule = await whenStarted(load)

function message(index: number) {
  const user = { ...toUser(benchUser(schedule.first + index)), registered_date: String(dueAt(schedule, index)) }
  const value = schemaId === null ? Buffer.from(JSON.stringify(user)) : toAvro(user, schemaId)
  return { topic, key: Buffer.from(user.id), value }
}

const acknowledged: number[] = []

async function send(from: number, to: number): Promise<void> {
  await producer.send({ messages: Array.from({ length: to - from }, (_, index) => message(from + index)) })
  const at = monotonicMs()
  for (let index = Math.max(from, schedule.unmeasured); index < to; index++) {
    acknowledged.push(at - dueAt(schedule, index))
  }
}

const sent: Promise<void>[] = []
for (let next = 0; next < schedule.records; ) {
  await untilDue(dueAt(schedule, next))
  const passed = Math.floor(((monotonicMs() - schedule.startsAt) * schedule.perSecond) / 1_000) + 1
  const to = Math.min(schedule.records, Math.max(next + 1, passed))
  sent.push(send(next, to))
  next = to
}
await Promise.all(sent)
await producer.close()
report(acknowledged)
