/**
 * Kafka to Cassandra as one would write it by hand with kafkajs, tuned for throughput: JSON, unlogged batches of 32
 * prepared statements, 16 of them in flight, offsets committed after the rows. No schema, dead letters, versions or
 * fencing; a row that cannot be written ends it.
 *
 *     node bench/baselines/kafkajs.ts '{ "broker", "contactPoint", "topic", "group", "records"? }'
 *
 * Ends when so many records are committed, or on SIGTERM.
 */
import { Client } from 'cassandra-driver'
import { Kafka, logLevel } from 'kafkajs'

const { broker, contactPoint, topic, group, records = Number.POSITIVE_INFINITY } = JSON.parse(process.argv[2]!)
const rowsPerBatch = 32
const batchesInFlight = 16

const columns = [
  ...['id', 'first_name', 'last_name', 'gender', 'address', 'post_code', 'email'],
  ...['username', 'dob', 'registered_date', 'phone', 'picture'],
] as const
const markers = columns.map(() => '?').join(', ')
const insert = `INSERT INTO spark_streams.created_users (${columns.join(', ')}) VALUES (${markers})`

const cassandra = new Client({ contactPoints: [contactPoint], localDataCenter: 'datacenter1' })
const consumer = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR }).consumer({
  ...{ groupId: group, minBytes: 1, maxWaitTimeInMs: 500 },
})

let inFlight = 0
const waiting: (() => void)[] = []

async function write(users: readonly Record<string, string>[]): Promise<void> {
  if (inFlight === batchesInFlight) await new Promise<void>(go => waiting.push(go))
  else inFlight += 1
  const queries = users.map(user => ({ query: insert, params: columns.map(name => user[name]) }))
  await cassandra.batch(queries, { prepare: true, logged: false })
  const next = waiting.shift()
  if (next === undefined) inFlight -= 1
  else next()
}

const done = Promise.withResolvers<void>()
process.once('SIGTERM', () => done.resolve())
let committed = 0
await cassandra.connect()
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: 4,
  eachBatch: async ({ batch, resolveOffset }) => {
    const { messages, partition } = batch
    const writes: Promise<void>[] = []
    for (let from = 0; from < messages.length; from += rowsPerBatch) {
      const some = messages.slice(from, from + rowsPerBatch)
      writes.push(write(some.map(({ value }) => JSON.parse(value!.toString()) as Record<string, string>)))
    }
    await Promise.all(writes)
    const next = Number(batch.lastOffset()) + 1
    await consumer.commitOffsets([{ topic, partition, offset: String(next) }])
    resolveOffset(batch.lastOffset())
    committed += messages.length
    if (committed >= records) done.resolve()
  },
})
await done.promise
await consumer.disconnect()
await cassandra.shutdown()
