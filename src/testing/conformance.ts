/**
 * One rule of a port and how to check it. Suites are plain lists, so that any test runner can run them:
 *
 *     for (const { rule, check } of logConformance(open)) it(rule, check)
 */
export interface ConformanceCase {
  /** A sentence that is true of every adapter that passes. */
  readonly rule: string
  readonly check: () => Promise<void>
}
