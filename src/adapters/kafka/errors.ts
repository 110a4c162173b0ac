import { type ErrorCode, MillraceError, type Outcome, type Retry } from '../../sdk/errors.ts'

/** What an error of the protocol means here. */
interface Meaning {
  readonly code: ErrorCode
  /** The default of the code unless said. */
  readonly retry?: Retry
  readonly outcome?: Outcome
  /** The adapter tries again by itself, for as long as it is configured to. */
  readonly transient?: true
  /** What is known about leaders and coordinators is out of date. */
  readonly stale?: true
}

const wait: Meaning = { code: 'LOG_FAILED', transient: true }
const moved: Meaning = { code: 'LOG_FAILED', transient: true, stale: true }
const unsure: Meaning = { code: 'LOG_FAILED', transient: true, outcome: 'unknown' }
const refused: Meaning = { code: 'LOG_REFUSED' }
const fenced: Meaning = { code: 'PRODUCER_FENCED' }
const lost: Meaning = { code: 'PARTITION_LOST' }

/** By the protocol's own names. What is not here is `LOG_FAILED`, to be tried again later. */
export const protocolErrors: { readonly [name: string]: Meaning } = {
  COORDINATOR_LOAD_IN_PROGRESS: wait,
  CONCURRENT_TRANSACTIONS: wait,
  UNSTABLE_OFFSET_COMMIT: wait,
  OFFSET_NOT_AVAILABLE: wait,
  NOT_ENOUGH_REPLICAS: wait,
  THROTTLING_QUOTA_EXCEEDED: wait,
  REBALANCE_IN_PROGRESS: wait,
  NETWORK_EXCEPTION: unsure,
  REQUEST_TIMED_OUT: unsure,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: unsure,
  COORDINATOR_NOT_AVAILABLE: moved,
  NOT_COORDINATOR: moved,
  NOT_CONTROLLER: moved,
  BROKER_NOT_AVAILABLE: moved,
  LEADER_NOT_AVAILABLE: moved,
  NOT_LEADER_OR_FOLLOWER: moved,
  REPLICA_NOT_AVAILABLE: moved,
  FENCED_LEADER_EPOCH: moved,
  UNKNOWN_LEADER_EPOCH: moved,
  KAFKA_STORAGE_ERROR: moved,

  // Asked before, a broker said that it exists: another one has not heard of it yet, or no longer has it.
  UNKNOWN_TOPIC_OR_PARTITION: { code: 'TOPIC_UNKNOWN', transient: true, stale: true },
  INVALID_TOPIC_EXCEPTION: { code: 'NAME_INVALID' },
  TOPIC_ALREADY_EXISTS: { code: 'NAME_DUPLICATE' },
  INVALID_PARTITIONS: { code: 'CONFIG_INVALID' },
  INVALID_REPLICATION_FACTOR: { code: 'CONFIG_INVALID' },
  INVALID_CONFIG: { code: 'CONFIG_INVALID' },
  POLICY_VIOLATION: { code: 'CONFIG_INVALID' },
  INVALID_SESSION_TIMEOUT: { code: 'CONFIG_INVALID' },
  INVALID_TRANSACTION_TIMEOUT: { code: 'CONFIG_INVALID' },

  OFFSET_OUT_OF_RANGE: { code: 'OFFSET_OUT_OF_RANGE' },
  CORRUPT_MESSAGE: { code: 'LOG_CORRUPT' },
  MESSAGE_TOO_LARGE: { code: 'RECORD_TOO_LARGE' },
  RECORD_LIST_TOO_LARGE: { code: 'RECORD_TOO_LARGE' },
  INVALID_RECORD: { code: 'RECORD_REJECTED' },
  OFFSET_METADATA_TOO_LARGE: { code: 'INVARIANT_BROKEN' },

  PRODUCER_FENCED: fenced,
  INVALID_PRODUCER_EPOCH: fenced,
  INVALID_PRODUCER_ID_MAPPING: fenced,
  // A transaction that the broker has ended: what was in it is not in the log, and it can be begun again.
  INVALID_TXN_STATE: wait,
  UNKNOWN_PRODUCER_ID: wait,
  OUT_OF_ORDER_SEQUENCE_NUMBER: wait,
  TRANSACTION_ABORTABLE: wait,

  ILLEGAL_GENERATION: lost,
  UNKNOWN_MEMBER_ID: lost,
  FENCED_INSTANCE_ID: lost,
  STALE_MEMBER_EPOCH: lost,
  FENCED_MEMBER_EPOCH: lost,
  NON_EMPTY_GROUP: { code: 'RUN_STATE' },
  INCONSISTENT_GROUP_PROTOCOL: { code: 'CONFIG_INVALID' },
  GROUP_MAX_SIZE_REACHED: { code: 'CONFIG_INVALID' },
  INVALID_GROUP_ID: { code: 'NAME_INVALID' },

  UNSUPPORTED_VERSION: refused,
  UNSUPPORTED_SASL_MECHANISM: refused,
  SASL_AUTHENTICATION_FAILED: refused,
  TOPIC_AUTHORIZATION_FAILED: refused,
  GROUP_AUTHORIZATION_FAILED: refused,
  CLUSTER_AUTHORIZATION_FAILED: refused,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: refused,
  SECURITY_DISABLED: refused,
}

const unreachable: Meaning = { code: 'LOG_UNREACHABLE', transient: true, stale: true, outcome: 'unknown' }

/** What the client throws: errors around errors, the protocol's own innermost. */
interface ClientError extends Error {
  readonly code?: string
  /** The protocol's name of the error. */
  readonly apiId?: string
  readonly serverErrorMessage?: string | null
  readonly errors?: readonly ClientError[]
  readonly cause?: ClientError
}

/** An error of the client as what it means; null where it is no failure of Kafka's. */
export function meaningOf(thrown: unknown): (Meaning & { readonly name: string; readonly message: string }) | null {
  const all = [...causes(thrown as ClientError)]
  const answer = all.find(each => each.apiId !== undefined && each.apiId !== 'OPERATION_NOT_ATTEMPTED')
  if (answer !== undefined) {
    const meaning = protocolErrors[answer.apiId!] ?? { code: 'LOG_FAILED' as const }
    return { ...meaning, name: answer.apiId!, message: answer.serverErrorMessage ?? answer.message }
  }
  const innermost = all.at(-1)
  if (innermost === undefined) return null
  const isOf = (code: string) => all.some(each => each.code === code)
  if (isOf('PLT_KFK_AUTHENTICATION')) return { ...refused, name: 'AUTHENTICATION', message: innermost.message }
  const certificate = all.find(each => /CERT|SELF_SIGNED|VERIFY/.test(each.code ?? ''))
  if (certificate !== undefined) return { ...refused, name: 'CERTIFICATE', message: certificate.message }
  if (isOf('PLT_KFK_NETWORK') || isOf('PLT_KFK_TIMEOUT') || isOf('PLT_KFK_UNEXPECTED_CORRELATION_ID')) {
    return { ...unreachable, name: 'NETWORK', message: innermost.message }
  }
  if (all.some(each => each.code?.startsWith('PLT_KFK_'))) {
    return { ...refused, name: innermost.code ?? 'CLIENT', message: innermost.message }
  }
  return null
}

function* causes(error: ClientError | undefined): Generator<ClientError> {
  if (!(error instanceof Error)) return
  yield error
  for (const each of error.errors ?? []) yield* causes(each)
  yield* causes(error.cause)
}

/** Whether trying again at once, perhaps elsewhere, can help. */
export function isTransient(thrown: unknown): boolean {
  return meaningOf(thrown)?.transient === true
}

/** @param doing what failed, to go after «could not», such as `append to users` */
export function toMillraceError(thrown: unknown, doing: string, place: string): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  const meaning = meaningOf(thrown)
  if (meaning === null) {
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    return new MillraceError('INVARIANT_BROKEN', `Could not ${doing}: ${message}`, { place, cause: thrown })
  }
  const { code, name, message, retry, outcome } = meaning
  const fix = fixes[code]
  return new MillraceError(code, `Could not ${doing}: ${message.replace(/\.$/, '')} (${name}).`, {
    place,
    ...(fix !== undefined && { fix }),
    ...(retry !== undefined && { retry }),
    ...(outcome !== undefined && { outcome }),
    cause: thrown,
  })
}

const fixes: { readonly [code in ErrorCode]?: string } = {
  LOG_UNREACHABLE: 'Check that the brokers of the target run and can be reached from here.',
  LOG_REFUSED: 'Check user, password or token, certificates and the rights of this user on the brokers.',
  TOPIC_UNKNOWN: 'Run `millrace apply` first.',
  PRODUCER_FENCED: 'Stop this one; the newer one goes on with its work.',
  RECORD_TOO_LARGE: 'Make the record smaller, or raise maxRecordBytes of the topic.',
}
