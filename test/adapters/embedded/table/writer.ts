/**
 * A process that writes ten rows at a time to the users table without end, and prints each checkpoint it stored. Between
 * two writes it leaves the file to others, as a stage does while it reads and decodes.
 */
import { openEmbeddedTables } from '../../../../src/adapters/embedded/table/table-store.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'
import { usersPlan } from './users-plan.ts'

const [directory] = process.argv.slice(2)
const store = openEmbeddedTables({ directory: directory! })
const table = await store.open(usersPlan, 'users/spark_stream')
const checkpoint = await table.claim('users_created', 0, 1)
for (let next = checkpoint?.next ?? 0; ; ) {
  const rows = Array.from({ length: 10 }, () => ({ values: [`id-${next}`, 'Ada', 'ada@example.com'], version: ++next }))
  await table.write(rows, { topic: 'users_created', partition: 0, epoch: 1, next, version: next })
  process.stdout.write(`${next}\n`)
  await systemClock.sleep(1)
}
