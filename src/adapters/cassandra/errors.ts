import { type ErrorCode, type ErrorFacts, MillraceError, type Outcome, type Retry } from '../../sdk/errors.ts'

/** What Cassandra's protocol calls its errors, by the code in an answer. */
const serverErrors = {
  0: 'serverError',
  10: 'protocolError',
  256: 'badCredentials',
  4096: 'unavailable',
  4097: 'overloaded',
  4098: 'isBootstrapping',
  4099: 'truncateError',
  4352: 'writeTimeout',
  4608: 'readTimeout',
  4864: 'readFailure',
  5120: 'functionFailure',
  5376: 'writeFailure',
  8192: 'syntaxError',
  8448: 'unauthorized',
  8704: 'invalid',
  8960: 'configError',
  9216: 'alreadyExists',
  9472: 'unprepared',
} as const satisfies { readonly [code: number]: string }

export type ServerError = (typeof serverErrors)[keyof typeof serverErrors]

/** Everything that can go wrong between here and a replica. */
export type Failure =
  | ServerError
  /** No node could be reached, or none of them took the request. */
  | 'noHost'
  /** Every connection has as many requests as it can. */
  | 'busy'
  /** The node did not answer in time. */
  | 'clientTimeout'
  /** The connection broke after the request was sent. */
  | 'connectionLost'
  /** Anything the driver refuses to send. */
  | 'notSent'

interface Meaning {
  readonly code: ErrorCode
  /** Whether a write may have had an effect all the same. */
  readonly outcome: Outcome
  /** Whether fewer requests at once would help. */
  readonly overload: boolean
  /** Whether the same request may succeed when sent again within a second. */
  readonly transient: boolean
  /** Where it differs from the code's. */
  readonly retry?: Retry
}

const unreachable = { code: 'DATABASE_UNREACHABLE', outcome: 'failed', overload: false, transient: false } as const
const unanswered = { code: 'DATABASE_TIMEOUT', outcome: 'unknown', overload: true, transient: true } as const
const overloaded = { code: 'DATABASE_OVERLOADED', outcome: 'unknown', overload: true, transient: true } as const
const failed = { code: 'DATABASE_FAILED', outcome: 'unknown', overload: false, transient: true } as const
const refused = { code: 'DATABASE_REFUSED', outcome: 'failed', overload: false, transient: false } as const
const invalid = { code: 'QUERY_INVALID', outcome: 'failed', overload: false, transient: false } as const

/** What each failure means for whoever wrote; docs/cassandra.md shows the same table. */
export const meanings: { readonly [failure in Failure]: Meaning } = {
  noHost: unreachable,
  connectionLost: { ...unreachable, outcome: 'unknown', transient: true },
  // Too few replicas are up: nothing was written, and a second will not bring them back.
  unavailable: unreachable,
  isBootstrapping: { ...unreachable, transient: true },
  clientTimeout: unanswered,
  writeTimeout: unanswered,
  readTimeout: unanswered,
  busy: { ...overloaded, outcome: 'failed' },
  // A coordinator may have passed the write on to some replicas before it gave up.
  overloaded,
  serverError: failed,
  writeFailure: failed,
  readFailure: failed,
  truncateError: failed,
  unprepared: { ...failed, outcome: 'failed' },
  // A node that has just started refuses every login for some seconds.
  badCredentials: { ...refused, retry: 'later' },
  unauthorized: refused,
  protocolError: { ...failed, outcome: 'failed', transient: false },
  configError: invalid,
  alreadyExists: invalid,
  functionFailure: invalid,
  syntaxError: invalid,
  invalid,
  notSent: invalid,
}

/** What the driver throws without a class of its own when connections break. */
const plainErrors: { readonly [message: string]: Failure } = {
  'No connection available': 'noHost',
  'Connection closed': 'connectionLost',
}

/** Which failure an error of the driver is; null for what is none of its errors. */
export function failureOf(error: unknown): Failure | null {
  if (!(error instanceof Error)) return null
  const { name, code, isSocketError } = error as Error & { code?: unknown; isSocketError?: boolean }
  if (isSocketError === true) return 'connectionLost'
  switch (name) {
    case 'ResponseError':
      return serverErrors[code as keyof typeof serverErrors] ?? 'serverError'
    case 'NoHostAvailableError':
      return innerFailure(error as Error & { innerErrors?: unknown })
    case 'OperationTimedOutError':
      return 'clientTimeout'
    case 'BusyConnectionError':
      return 'busy'
    case 'AuthenticationError':
      return 'badCredentials'
    case 'ArgumentError':
    case 'NotSupportedError':
      return 'notSent'
    case 'DriverError':
    case 'DriverInternalError':
      return 'connectionLost'
    case 'Error':
      return plainErrors[error.message] ?? null
    default:
      return null
  }
}

/** Failures of single nodes that say more than that there was no node, the weightiest first. */
const telling = [
  ...(['badCredentials', 'unauthorized', 'unprepared'] as const),
  ...(['clientTimeout', 'connectionLost', 'overloaded', 'isBootstrapping', 'busy'] as const),
]

/** The driver names no reason of its own when every node failed: what all of them said decides. */
function innerFailure({ innerErrors }: { innerErrors?: unknown }): Failure {
  const inner = Object.values((innerErrors ?? {}) as { [host: string]: unknown }).map(failureOf)
  return telling.find(failure => inner.includes(failure)) ?? 'noHost'
}

export function isOverload(error: unknown): boolean {
  const failure = failureOf(error)
  return failure !== null && meanings[failure].overload
}

/** Whether sending the same again soon may help. */
export function isTransient(error: unknown): boolean {
  const failure = failureOf(error)
  return failure !== null && meanings[failure].transient
}

const fixes: { readonly [code in ErrorCode]?: string } = {
  DATABASE_UNREACHABLE: 'Check that enough nodes are up (`nodetool status`), and contactPoints and localDataCenter.',
  DATABASE_REFUSED: 'Check auth, and what this user may do (`LIST ALL PERMISSIONS OF …`).',
  DATABASE_TIMEOUT: 'Check the load of the nodes (`nodetool tpstats`).',
  DATABASE_OVERLOADED: 'Check the load of the nodes (`nodetool tpstats`), or lower limits.requestsInFlight.',
}

/** An error of the driver as one of ours; anything else as it is. */
export function asTableError(error: unknown, place: string): unknown {
  const failure = failureOf(error)
  if (failure === null) return error
  const { code, outcome, retry } = meanings[failure]
  const fix = fixes[code]
  const facts: ErrorFacts = { place, outcome, cause: error, ...(fix && { fix }), ...(retry && { retry }) }
  return new MillraceError(code, `Cassandra: ${describe(error as Error)}`, facts)
}

function describe(error: Error & { innerErrors?: unknown }): string {
  const inner = Object.entries((error.innerErrors ?? {}) as { [host: string]: unknown })
  if (inner.length === 0) return error.name === 'NoHostAvailableError' ? 'no node is up.' : error.message
  return `no node took the request (${inner.map(([host, why]) => `${host}: ${messageOf(why)}`).join('; ')})`
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
