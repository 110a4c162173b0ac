import { type ErrorCode, type ErrorFacts, MillraceError, type Retry } from '../../../sdk/errors.ts'

/** What a call that failed says, as gRPC and Spark put it. */
export interface Failure {
  /** gRPC's name, such as `UNAVAILABLE`. */
  readonly status: string
  readonly message: string
  /** Such as `TABLE_OR_VIEW_NOT_FOUND`; null where Spark gives none. */
  readonly errorClass: string | null
  /** Five characters of the SQL standard, such as `42P01`. */
  readonly sqlState: string | null
  /** By which the whole error can be fetched; null where there is no more. */
  readonly errorId: string | null
}

/** A failure of Spark: what every `MillraceError` says, and what Spark itself calls it. */
export class SparkError extends MillraceError implements Failure {
  readonly status: string
  readonly errorClass: string | null
  readonly sqlState: string | null
  readonly errorId: string | null

  /** @param doing what failed, to go after «could not», such as `run the query` */
  constructor(failure: Failure, doing: string, facts: Pick<ErrorFacts, 'place' | 'cause'> = {}) {
    const { code, retry, outcome, fix } = meaningOf(failure)
    super(code, `Spark could not ${doing}: ${describe(failure)}`, {
      ...facts,
      ...(retry !== undefined && { retry }),
      ...(outcome !== undefined && { outcome }),
      ...(fix !== undefined && { fix }),
    })
    this.name = 'SparkError'
    this.status = failure.status
    this.errorClass = failure.errorClass
    this.sqlState = failure.sqlState
    this.errorId = failure.errorId
  }
}

/** Spark's own messages begin with their class and end with their state. */
function describe({ message, errorClass, status }: Failure): string {
  const text = message.trim()
  if (errorClass !== null && text.includes(errorClass)) return text
  return `${text.replace(/\.$/, '')} (${errorClass ?? status}).`
}

interface Meaning {
  readonly code: ErrorCode
  readonly retry?: Retry
  readonly outcome?: 'unknown'
  readonly fix?: string
}

const sessionLost: Meaning = {
  code: 'PROCESSOR_SESSION_LOST',
  fix: 'Open a new session; a query that is started again with its checkpoint goes on where it was.',
}

/** By the name of Spark's error class. */
const byClass: { readonly [errorClass: string]: Meaning | undefined } = {
  'INVALID_HANDLE.SESSION_CLOSED': sessionLost,
  'INVALID_HANDLE.SESSION_NOT_FOUND': sessionLost,
  'INVALID_HANDLE.SESSION_CHANGED': sessionLost,
  OPERATION_CANCELED: { code: 'QUERY_CANCELLED' },
  'INVALID_HANDLE.OPERATION_ABANDONED': { code: 'PROCESSOR_FAILED', outcome: 'unknown' },
}

/**
 * Classes of SQLSTATE in which trying again changes nothing: cardinality, data, constraint, authorization, syntax or access
 * rule, what is not supported, invalid use, what the query itself raises.
 */
const refusedStates: readonly string[] = [
  '07',
  '0A',
  '21',
  '22',
  '23',
  '28',
  '38',
  '39',
  '42',
  '44',
  '46',
  '54',
  '55',
  'P0',
]

/** By gRPC's status, where Spark says nothing itself. */
const byStatus: { readonly [status: string]: Meaning | undefined } = {
  UNAVAILABLE: {
    code: 'PROCESSOR_UNREACHABLE',
    outcome: 'unknown',
    fix: 'Check that Spark runs there and can be reached from here.',
  },
  DEADLINE_EXCEEDED: { code: 'PROCESSOR_UNREACHABLE', outcome: 'unknown' },
  UNAUTHENTICATED: { code: 'PROCESSOR_REFUSED', fix: 'Give the token that the server was started with.' },
  PERMISSION_DENIED: { code: 'PROCESSOR_REFUSED' },
  INVALID_ARGUMENT: { code: 'PROCESSOR_REFUSED' },
  UNIMPLEMENTED: { code: 'PROCESSOR_REFUSED' },
  RESOURCE_EXHAUSTED: { code: 'PROCESSOR_FAILED' },
}

/** What a failure means to whoever asked. */
export function meaningOf({ status, errorClass, sqlState }: Failure): Meaning {
  const known = errorClass === null ? undefined : byClass[errorClass]
  if (known !== undefined) return known
  if (sqlState !== null && refusedStates.includes(sqlState.slice(0, 2))) return { code: 'PROCESSOR_REFUSED' }
  if (errorClass !== null || sqlState !== null) return { code: 'PROCESSOR_FAILED' }
  return byStatus[status] ?? { code: 'PROCESSOR_FAILED' }
}

/**
 * Why a streaming query failed, from the text that Spark keeps of it, without the frames of Java's stacks in it. The class it gives
 * with it only says that a stream failed; what failed in it stands in the text.
 */
export function queryFailure(text: string, errorClass: string | null): SparkError {
  const [, inner = null] = /\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)?)\]/.exec(text) ?? []
  const [, sqlState = null] = /SQLSTATE: ([0-9A-Z]{5})/.exec(text) ?? []
  const message = text.replaceAll(/\n\s+(?:at |\.\.\. \d+ more).*/g, '')
  const failure = { status: 'INTERNAL', message, errorClass: inner ?? errorClass, sqlState, errorId: null }
  return new SparkError(failure, 'go on with the streaming query')
}

/** Whether the same operation can be taken up again: the connection broke, or another stream took its place. */
export function canReattach(thrown: unknown): boolean {
  if (!(thrown instanceof SparkError)) return false
  if (thrown.errorClass === 'INVALID_CURSOR.DISCONNECTED') return true
  return thrown.code === 'PROCESSOR_UNREACHABLE'
}

/** Whether the server knows nothing of an operation: the request that should have started it never arrived. */
export function isUnknownOperation(thrown: unknown): boolean {
  const unknown = ['INVALID_HANDLE.OPERATION_NOT_FOUND', 'INVALID_HANDLE.SESSION_NOT_FOUND']
  return thrown instanceof SparkError && unknown.includes(thrown.errorClass ?? '')
}

/** Whether the server remembers nothing of a streaming query, or of that run of it. */
export function isUnknownQuery(thrown: unknown): boolean {
  const unknown = [
    'CONNECT_INVALID_PLAN.STREAMING_QUERY_NOT_FOUND',
    'CONNECT_INVALID_PLAN.STREAMING_QUERY_RUN_ID_MISMATCH',
  ]
  return thrown instanceof SparkError && unknown.includes(thrown.errorClass ?? '')
}
