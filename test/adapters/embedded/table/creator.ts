/** A process that creates the users table in the directory it is given, and says how that went. */
import { openEmbeddedTables } from '../../../../src/adapters/embedded/table/table-store.ts'
import { usersPlan } from './users-plan.ts'

const [directory] = process.argv.slice(2)
const store = openEmbeddedTables({ directory: directory! })
try {
  await store.admin.create(usersPlan)
  process.stdout.write(`${JSON.stringify(await store.admin.describe(usersPlan))}\n`)
} catch (error) {
  process.stdout.write(`${error}\n`)
}
await store.close()
