import type { ConformanceCase } from './conformance.ts'
import { checkpointing } from './table-conformance/checkpointing.ts'
import { describing } from './table-conformance/describing.ts'
import { reading } from './table-conformance/reading.ts'
import type { Rule, TableFixture } from './table-conformance/table-test.ts'
import { writing } from './table-conformance/writing.ts'

export type { TableFixture } from './table-conformance/table-test.ts'

/**
 * What every table store does, embedded or Cassandra. Nothing here asks for transactions, for an order between rows of
 * different keys, or for more than the newest version winning per row.
 */
export function tableConformance(open: () => Promise<TableFixture>): readonly ConformanceCase[] {
  const rule: Rule = (text, check) => ({
    rule: text,
    check: async () => {
      const fixture = await open()
      try {
        await check(fixture)
      } finally {
        await fixture.dispose()
      }
    },
  })
  return [...writing(rule), ...checkpointing(rule), ...describing(rule), ...reading(rule)]
}
