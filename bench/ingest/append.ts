/**
 * The log's part of the ingest stage by itself: 5,000 users that are encoded already, appended again and again, each page
 * in a transaction, as the stage appends them.
 *
 *     node bench/ingest/append.ts '{ "statePath", "topic", "schemaId", "pages", "pageSize" }'
 *
 * Prints one line of JSON when every record is durable: { ms }.
 */
import { resolve } from 'node:path'
import { loadProject, targetConfig } from '../../src/project.ts'
import { openTarget } from '../../src/targets.ts'
import { encodedUsers } from '../baselines/row.ts'

const { statePath, topic, schemaId, pages, pageSize } = JSON.parse(process.argv[2]!)
const project = await loadProject(resolve(import.meta.dirname, '../project'))
const target = await openTarget({
  config: targetConfig(project, 'bench'),
  statePath,
  projectDirectory: project.directory,
  env: process.env,
})
const records = encodedUsers(topic, schemaId, pageSize)

const started = performance.now()
const producer = await (await target.log()).producer('bench')
for (let page = 0; page < pages; page++) await producer.append(records)
await producer.close()
console.log(JSON.stringify({ ms: performance.now() - started }))
await target.close()
