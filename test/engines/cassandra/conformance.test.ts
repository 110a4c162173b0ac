import { describe, it } from 'vitest'
import { openCassandraTables } from '../../../src/adapters/cassandra/table-store.ts'
import { tableConformance } from '../../../src/testing/table-conformance.ts'
import { configOf, dropKeyspace, options, useCassandra } from './cluster.ts'

describe('Cassandra tables', () => {
  const engine = useCassandra()

  let count = 0
  const cases = tableConformance(async () => {
    const config = { ...configOf(engine()), limits: { maxRowBytes: 1000 } }
    const open = () => openCassandraTables(config, options)
    const store = await open()
    const keyspace = `conformance_${count++}`
    return {
      store,
      keyspace,
      selectAll: table => `SELECT * FROM ${table.keyspace}.${table.name}`,
      changing: table => `TRUNCATE ${table.keyspace}.${table.name}`,
      tooLarge: 'é'.repeat(501),
      reopen: open,
      async dispose() {
        await store.close()
        await dropKeyspace(engine(), keyspace)
      },
    }
  })
  for (const { rule, check } of cases) it(rule, check)
})
