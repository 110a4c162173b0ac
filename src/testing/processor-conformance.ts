import type { ConformanceCase } from './conformance.ts'
import { controlling } from './processor-conformance/controlling.ts'
import { processing } from './processor-conformance/processing.ts'
import type { ProcessorFixture, Rule } from './processor-conformance/processor-test.ts'

export type { ProcessorFixture } from './processor-conformance/processor-test.ts'

/** What every processor does: threads here, or Spark's queries elsewhere. Nothing here asks how records are batched. */
export function processorConformance(open: () => Promise<ProcessorFixture>): readonly ConformanceCase[] {
  const rule: Rule = (text, check) => ({
    rule: text,
    check: async () => {
      const fixture = await open()
      try {
        await check(fixture)
      } finally {
        await fixture.close()
      }
    },
  })
  return [...controlling(rule), ...processing(rule)]
}
