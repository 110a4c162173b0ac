import { describe, expect, it } from 'vitest'
import {
  canReattach,
  type Failure,
  isUnknownOperation,
  queryFailure,
  SparkError,
} from '../../../../src/adapters/spark/connect/errors.ts'
import { loadLibrary, messageType } from '../../../../src/adapters/spark/connect/library.ts'
import type { ErrorDetail } from '../../../../src/adapters/spark/connect/messages.ts'
import { statusReader, toSparkError, withDetails } from '../../../../src/adapters/spark/connect/status.ts'

function failure(status: string, errorClass: string | null = null, sqlState: string | null = null): Failure {
  return { status, message: 'It failed.', errorClass, sqlState, errorId: null }
}

describe('a failure of Spark', () => {
  it.each<[Failure, object]>([
    [failure('UNAVAILABLE'), { code: 'PROCESSOR_UNREACHABLE', retry: 'later', outcome: 'unknown' }],
    [failure('DEADLINE_EXCEEDED'), { code: 'PROCESSOR_UNREACHABLE', retry: 'later', outcome: 'unknown' }],
    [failure('UNAUTHENTICATED'), { code: 'PROCESSOR_REFUSED', retry: 'never', fix: expect.stringContaining('token') }],
    [failure('INTERNAL'), { code: 'PROCESSOR_FAILED', retry: 'later', outcome: 'failed' }],
    [failure('INTERNAL', 'TABLE_OR_VIEW_NOT_FOUND', '42P01'), { code: 'PROCESSOR_REFUSED', retry: 'never' }],
    [failure('INTERNAL', 'DIVIDE_BY_ZERO', '22012'), { code: 'PROCESSOR_REFUSED', retry: 'never' }],
    [failure('INTERNAL', 'USER_RAISED_EXCEPTION', 'P0001'), { code: 'PROCESSOR_REFUSED', retry: 'never' }],
    [failure('INTERNAL', 'INTERNAL_ERROR', 'XX000'), { code: 'PROCESSOR_FAILED', retry: 'later' }],
    [failure('UNAVAILABLE', 'FAILED_READ_FILE', 'KD001'), { code: 'PROCESSOR_FAILED', retry: 'later' }],
    [failure('INTERNAL', 'OPERATION_CANCELED', 'HY008'), { code: 'QUERY_CANCELLED', retry: 'never' }],
    [failure('INTERNAL', 'INVALID_HANDLE.SESSION_CLOSED', 'HY000'), { code: 'PROCESSOR_SESSION_LOST', retry: 'now' }],
    [failure('INTERNAL', 'INVALID_HANDLE.SESSION_CHANGED', 'HY000'), { code: 'PROCESSOR_SESSION_LOST', retry: 'now' }],
    [failure('INTERNAL', 'INVALID_HANDLE.SESSION_NOT_FOUND', 'HY000'), { code: 'PROCESSOR_SESSION_LOST' }],
  ])('%j says what to do', (from, expected) => {
    const { status, errorClass, sqlState } = from
    expect(new SparkError(from, 'run the query')).toMatchObject({ ...expected, status, errorClass, sqlState })
  })

  it('names its class or status once', () => {
    const message = (each: Partial<Failure>) => new SparkError({ ...failure('INTERNAL'), ...each }, 'run it').message
    expect(message({})).toBe('Spark could not run it: It failed (INTERNAL).')
    expect(message({ errorClass: 'BAD' })).toBe('Spark could not run it: It failed (BAD).')
    expect(message({ errorClass: 'BAD', message: '[BAD] No.' })).toBe('Spark could not run it: [BAD] No.')
  })

  it('allows to take up the operation again only where the connection broke', () => {
    expect(canReattach(new SparkError(failure('UNAVAILABLE'), ''))).toBe(true)
    expect(canReattach(new SparkError(failure('INTERNAL', 'INVALID_CURSOR.DISCONNECTED', '24000'), ''))).toBe(true)
    expect(canReattach(new SparkError(failure('INTERNAL', 'INVALID_CURSOR.NOT_REATTACHABLE', '24000'), ''))).toBe(false)
    expect(canReattach(new SparkError(failure('UNAVAILABLE', 'FAILED_READ_FILE', 'KD001'), ''))).toBe(false)
    expect(canReattach(new Error('UNAVAILABLE'))).toBe(false)
  })

  it('tells an operation that never arrived', () => {
    const unknown = failure('INTERNAL', 'INVALID_HANDLE.OPERATION_NOT_FOUND', 'HY000')
    expect(isUnknownOperation(new SparkError(unknown, ''))).toBe(true)
    expect(isUnknownOperation(new SparkError(failure('UNAVAILABLE'), ''))).toBe(false)
  })

  it('of a streaming query is judged by what failed in it', () => {
    const text =
      'org.apache.spark.sql.streaming.StreamingQueryException: [DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012\n SQLSTATE: XXKST'
    expect(queryFailure(text, 'STREAM_FAILED')).toMatchObject({
      code: 'PROCESSOR_REFUSED',
      errorClass: 'DIVIDE_BY_ZERO',
      sqlState: '22012',
    })
    expect(queryFailure('Connection refused', 'STREAM_FAILED')).toMatchObject({
      code: 'PROCESSOR_FAILED',
      retry: 'later',
      errorClass: 'STREAM_FAILED',
    })
  })
})

describe('the trailer of an error', () => {
  it('gives class, state and id; other details and broken bytes give nothing', async () => {
    const library = await loadLibrary()
    const status = messageType<{ details: { type_url: string; value: Buffer }[] }>(library, 'google.rpc.Status')
    const info = messageType<{ metadata: { [name: string]: string } }>(library, 'google.rpc.ErrorInfo')
    const read = statusReader(status, info)
    const metadata = { errorClass: 'DIVIDE_BY_ZERO', sqlState: '22012', errorId: 'e1' }
    const detail = (name: string) => ({ type_url: `type.googleapis.com/${name}`, value: info.serialize({ metadata }) })
    const other = detail('google.rpc.RetryInfo')
    const bytes = status.serialize({ details: [other, detail('google.rpc.ErrorInfo')] })
    expect(read(bytes)).toEqual(metadata)
    expect(read(status.serialize({ details: [other] }))).toBeNull()
    expect(read(bytes.subarray(0, 20))).toBeNull()
    const rpc = { name: 'INTERNAL', message: 'cut off', details: read(bytes) }
    expect(toSparkError(rpc, 'run it', '127.0.0.1:1', null)).toMatchObject({ ...metadata, place: '127.0.0.1:1' })
  })
})

describe('the details of an error', () => {
  const short = new SparkError({ ...failure('INTERNAL'), errorId: 'e1' }, 'run it')
  const detail = (message: string, errorClass?: string, sqlState?: string): ErrorDetail => ({
    error_type_hierarchy: [],
    message,
    spark_throwable:
      errorClass === undefined
        ? null
        : { error_class: errorClass, ...(sqlState !== undefined && { sql_state: sqlState }), message_parameters: {} },
  })

  it('complete it, down to the innermost cause that Spark names', () => {
    const errors = [
      { ...detail('[STREAM_FAILED] Query failed.', 'STREAM_FAILED', 'XXKST'), cause_idx: 1 },
      { ...detail('[CAST_INVALID_INPUT] No number.', 'CAST_INVALID_INPUT', '22018'), cause_idx: 2 },
      detail('java.lang.NumberFormatException'),
    ]
    expect(withDetails(short, { root_error_idx: 0, errors }, 'run it')).toMatchObject({
      code: 'PROCESSOR_REFUSED',
      errorClass: 'CAST_INVALID_INPUT',
      sqlState: '22018',
      message: expect.stringContaining('NumberFormatException'),
    })
  })

  it('end although causes go round, or are missing', () => {
    const round = [{ ...detail('again', 'ONE', 'XX000'), cause_idx: 0 }]
    expect(withDetails(short, { root_error_idx: 0, errors: round }, 'run it').errorClass).toBe('ONE')
    expect(withDetails(short, { root_error_idx: 3, errors: round }, 'run it')).toBe(short)
    expect(withDetails(short, { errors: [] }, 'run it')).toBe(short)
  })
})
