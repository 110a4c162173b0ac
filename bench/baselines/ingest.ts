/**
 * What the ingest stage does, as one would write it by hand: get a page, parse it, select, encode Avro, produce. Nothing
 * is checked, and neither a page's records and the place in the source nor two partitions become durable together.
 *
 *     node bench/baselines/ingest.ts '{ "broker", "topic", "schemaId", "url", "pages", "pageSize" }'
 *
 * Prints one line of JSON when everything is acknowledged: { ms }.
 */
import type { BenchUser } from '../user.ts'
import { PageProducer } from './page-producer.ts'
import { toAvro, toUser } from './row.ts'

const { broker, topic, schemaId, url, pages, pageSize } = JSON.parse(process.argv[2]!)

const started = performance.now()
const producer = new PageProducer(broker)
for (let page = 1; page <= pages; page++) {
  const response = await fetch(`${url}?results=${pageSize}&page=${page}&seed=bare`)
  const { results } = (await response.json()) as { results: BenchUser[] }
  const users = results.map(toUser)
  // The next page is asked for while this one is on its way.
  await producer.send(users.map(user => ({ topic, key: Buffer.from(user.id), value: toAvro(user, schemaId) })))
}
await producer.close()
console.log(JSON.stringify({ ms: performance.now() - started }))
