import { asMillraceError, type ErrorCode } from '../sdk/errors.ts'

/** What Confluent's API answers where something is wrong. */
export class RestError extends Error {
  readonly status: number
  readonly errorCode: number

  constructor(status: number, errorCode: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RestError'
    this.status = status
    this.errorCode = errorCode
  }
}

/** The first three digits of Confluent's codes are the status. */
const codes: { readonly [code in ErrorCode]?: number } = {
  SUBJECT_UNKNOWN: 40401,
  SCHEMA_VERSION_UNKNOWN: 40402,
  SCHEMA_UNKNOWN: 40403,
  SCHEMA_INCOMPATIBLE: 409,
  SCHEMA_INVALID: 42201,
  COMPATIBILITY_INVALID: 42203,
  SCHEMA_REFERENCED: 42206,
  NAME_INVALID: 42208,
}

/** Confluent tells subjects from versions here. */
const deletionCodes: { readonly [code in ErrorCode]?: { readonly subject: number; readonly version: number } } = {
  SUBJECT_SOFT_DELETED: { subject: 40404, version: 40406 },
  SUBJECT_NOT_SOFT_DELETED: { subject: 40405, version: 40407 },
}

/** @param what the request was about, for codes that tell a subject from a version of it */
export function restErrorOf(thrown: unknown, what: 'subject' | 'version'): RestError {
  if (thrown instanceof RestError) return thrown
  const error = asMillraceError(thrown)
  const errorCode = codes[error.code] ?? deletionCodes[error.code]?.[what] ?? 50001
  return new RestError(Number(String(errorCode).slice(0, 3)), errorCode, error.message, { cause: thrown })
}
