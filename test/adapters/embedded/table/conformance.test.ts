import { describe, it } from 'vitest'
import { openEmbeddedTables } from '../../../../src/adapters/embedded/table/table-store.ts'
import { tableConformance } from '../../../../src/testing/table-conformance.ts'
import { temporaryDirectory } from '../../../support.ts'

describe('embedded tables', () => {
  const cases = tableConformance(async () => {
    const options = { directory: temporaryDirectory(), maxRowBytes: 1000 }
    const store = openEmbeddedTables(options)
    return {
      store,
      keyspace: 'conformance',
      selectAll: table => `SELECT * FROM ${table.keyspace}.${table.name}`,
      changing: table => `DELETE FROM ${table.keyspace}.${table.name}`,
      tooLarge: 'é'.repeat(501),
      reopen: async () => openEmbeddedTables(options),
      dispose: () => store.close(),
    }
  })
  for (const { rule, check } of cases) it(rule, check)
})
