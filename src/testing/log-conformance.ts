import type { ConformanceCase } from './conformance.ts'
import { administering } from './log-conformance/administering.ts'
import { appending } from './log-conformance/appending.ts'
import { type LogFixture, LogTest, type Rule } from './log-conformance/log-test.ts'
import { reading } from './log-conformance/reading.ts'
import { sharing } from './log-conformance/sharing.ts'

export type { LogFixture } from './log-conformance/log-test.ts'

/** What every log does. Each case opens a fixture and disposes of it. */
export function logConformance(open: () => Promise<LogFixture>): readonly ConformanceCase[] {
  const rule: Rule = (text, check) => ({
    rule: text,
    check: async () => {
      const fixture = await open()
      try {
        await check(new LogTest(fixture))
      } finally {
        await fixture.dispose()
      }
    },
  })
  return [...appending(rule), ...reading(rule), ...sharing(rule), ...administering(rule)]
}
