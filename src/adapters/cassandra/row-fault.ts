import { MillraceError } from '../../sdk/errors.ts'
import { failureOf } from './errors.ts'

/**
 * What Cassandra says of a value or row that is too large, or of a key it cannot take. Anything else that it finds invalid, such as
 * a column or table that is gone, is not the rows' fault: they must not become dead letters for it.
 */
const faults = [
  /^Batch too large/,
  /^Request is too big/,
  /^Rejected an oversized mutation/,
  /\btoo (?:large|long|big)\b/i,
  /is longer than maximum of/,
  /^Key may not be empty/,
  /^Guardrail \w+ violated/,
]

/** Why rows can never be stored, if that is what the error says. */
export function rowFault(error: unknown, place: string): MillraceError | null {
  if (failureOf(error) !== 'invalid') return null
  const { message } = error as Error
  if (!faults.some(fault => fault.test(message))) return null
  return new MillraceError('RECORD_REJECTED', `Cassandra refuses the row: ${message}`, { place, cause: error })
}
