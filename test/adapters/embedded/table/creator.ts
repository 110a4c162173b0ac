/** A process that creates the users table in many keyspaces of a directory, and says at the end how that went. */
import { openEmbeddedTables } from '../../../../src/adapters/embedded/table/table-store.ts'
import { usersPlan } from './users-plan.ts'

const [directory] = process.argv.slice(2)
const store = openEmbeddedTables({ directory: directory! })
try {
  for (let i = 0; i < 40; i++) await store.admin.create({ ...usersPlan, keyspace: `keyspace_${i}` })
  process.stdout.write('created\n')
} catch (error) {
  process.stdout.write(`${error}\n`)
}
await store.close()
