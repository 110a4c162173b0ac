import { MillraceError } from '../sdk/errors.ts'
import { formatIssue, formatPath, type Issue } from '../sdk/parse.ts'

/** The first fault in words, and how many more there are. */
export function invalidRecord(issues: readonly Issue[], what: string): MillraceError {
  const [first] = issues
  if (first === undefined) return new MillraceError('INVARIANT_BROKEN', 'A record was refused without a reason.')
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  return new MillraceError('RECORD_INVALID', `${what}: ${formatIssue(first)}${more}`, { place: formatPath(first.path) })
}
