import { MillraceError } from '../../../../sdk/errors.ts'

export function malformed(what: string): MillraceError {
  return new MillraceError('PROCESSOR_FAILED', `Spark sent a result that cannot be read: ${what}.`, { retry: 'never' })
}
