/**
 * The same as `kafkajs.ts` with @platformatic/kafka and the stream of its `Consumer`, which reads far ahead unless told
 * otherwise: fetches are bounded here.
 *
 *     node bench/baselines/platformatic.ts '{ "broker", "contactPoint", "topic", "group", "records" }'
 */
import { Consumer } from '@platformatic/kafka'
import { Client } from 'cassandra-driver'

const { broker, contactPoint, topic, group, records } = JSON.parse(process.argv[2]!)
const rowsPerBatch = 32
const batchesInFlight = 16
const rowsPerCommit = 5_000

const columns = [
  ...['id', 'first_name', 'last_name', 'gender', 'address', 'post_code', 'email'],
  ...['username', 'dob', 'registered_date', 'phone', 'picture'],
] as const
const markers = columns.map(() => '?').join(', ')
const insert = `INSERT INTO spark_streams.created_users (${columns.join(', ')}) VALUES (${markers})`

const cassandra = new Client({ contactPoints: [contactPoint], localDataCenter: 'datacenter1' })
const consumer = new Consumer({
  ...{ clientId: 'baseline', groupId: group, bootstrapBrokers: [broker], autocommit: false },
  ...{ minBytes: 1, maxBytes: 1024 * 1024, maxWaitTime: 500, highWaterMark: 1024 },
  deserializers: { value: (bytes?: Buffer) => JSON.parse(bytes!.toString()) as Record<string, string> },
})

const inFlight = new Set<Promise<unknown>>()

async function write(users: readonly Record<string, string>[]): Promise<void> {
  while (inFlight.size === batchesInFlight) await Promise.race(inFlight)
  const queries = users.map(user => ({ query: insert, params: columns.map(name => user[name]) }))
  const written = cassandra.batch(queries, { prepare: true, logged: false })
  inFlight.add(written)
  void written.then(() => inFlight.delete(written))
}

/** The offset after the last record read, by partition. */
const next = new Map<number, bigint>()
let users: Record<string, string>[] = []
let read = 0
let uncommitted = 0

async function commit(): Promise<void> {
  await Promise.all(inFlight)
  const offsets = [...next].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 }))
  await consumer.commit({ offsets })
  next.clear()
  uncommitted = 0
}

await cassandra.connect()
const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
for await (const { partition, offset, value } of stream) {
  users.push(value)
  next.set(partition, offset + 1n)
  read += 1
  uncommitted += 1
  const idle = stream.readableLength === 0
  if (users.length === rowsPerBatch || idle) {
    const full = users
    users = []
    await write(full)
  }
  if ((uncommitted >= rowsPerCommit && users.length === 0) || idle) await commit()
  if (read >= records) break
}
await consumer.close(true)
await cassandra.shutdown()
