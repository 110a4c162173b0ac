import type { MessageTypeDefinition } from '@grpc/proto-loader'
import { SparkError } from './errors.ts'
import type { ErrorDetails } from './messages.ts'

/** How a call ended, with what Spark adds to it. */
export interface RpcStatus {
  /** gRPC's name, such as `UNAVAILABLE`. */
  readonly name: string
  readonly message: string
  /** From the trailer `grpc-status-details-bin`. */
  readonly details: { readonly [name: string]: string } | null
}

/** google.rpc.Status */
export interface StatusMessage {
  readonly details: readonly { readonly type_url: string; readonly value: Buffer }[]
}

/** google.rpc.ErrorInfo */
export interface ErrorInfoMessage {
  readonly metadata: { readonly [name: string]: string }
}

/** Reads the trailer `grpc-status-details-bin`; null where nothing in it is Spark's, or it is cut off. */
export function statusReader(
  status: Pick<MessageTypeDefinition<StatusMessage, StatusMessage>, 'deserialize'>,
  errorInfo: Pick<MessageTypeDefinition<ErrorInfoMessage, ErrorInfoMessage>, 'deserialize'>,
): (bytes: Buffer) => RpcStatus['details'] {
  return bytes => {
    try {
      const { details } = status.deserialize(bytes)
      const info = details.find(({ type_url }) => type_url.endsWith('/google.rpc.ErrorInfo'))
      return info === undefined ? null : errorInfo.deserialize(info.value).metadata
    } catch {
      // The status itself still says what went wrong.
      return null
    }
  }
}

export function toSparkError(
  { name, message, details }: RpcStatus,
  doing: string,
  place: string,
  cause: unknown,
): SparkError {
  return new SparkError(
    {
      status: name,
      message,
      errorClass: details?.errorClass ?? null,
      sqlState: details?.sqlState ?? null,
      errorId: details?.errorId ?? null,
    },
    doing,
    { place, cause },
  )
}

/** How many causes are followed. */
const maxCauses = 10

/**
 * An error with what FetchErrorDetails knows beyond it: the whole message, which a trailer cuts off, and where the error is
 * one around another, such as the failure of a streaming query, the class and state of the innermost that Spark names.
 */
export function withDetails(error: SparkError, { root_error_idx, errors }: ErrorDetails, doing: string): SparkError {
  const root = errors[root_error_idx ?? -1]
  if (root === undefined) return error
  let inner = root
  let named = root.spark_throwable
  for (let depth = 0; inner.cause_idx !== undefined && depth < maxCauses; depth++) {
    const cause = errors[inner.cause_idx]
    if (cause === undefined) break
    inner = cause
    named = cause.spark_throwable?.error_class === undefined ? named : cause.spark_throwable
  }
  const messages = [...new Set([root.message, inner.message])].filter(message => message !== '')
  return new SparkError(
    {
      status: error.status,
      message: messages.join('\n') || error.message,
      errorClass: named?.error_class ?? error.errorClass,
      sqlState: named?.sql_state ?? error.sqlState,
      errorId: error.errorId,
    },
    doing,
    { ...(error.place !== null && { place: error.place }), cause: error },
  )
}
