/**
 * The bare rate of the client: 5,000 users that are encoded already, produced again and again with the settings of
 * `ingest.ts`.
 *
 *     node bench/baselines/produce.ts '{ "broker", "topic", "schemaId", "pages", "pageSize" }'
 *
 * Prints one line of JSON when everything is acknowledged: { ms }.
 */
import { PageProducer } from './page-producer.ts'
import { encodedUsers } from './row.ts'

const { broker, topic, schemaId, pages, pageSize } = JSON.parse(process.argv[2]!)
const messages = encodedUsers(topic, schemaId, pageSize)

const started = performance.now()
const producer = new PageProducer(broker)
for (let page = 0; page < pages; page++) await producer.send(messages)
await producer.close()
console.log(JSON.stringify({ ms: performance.now() - started }))
