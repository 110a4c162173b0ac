import {
  protocolErrors as known,
  MultipleErrors,
  NetworkError,
  ProtocolError,
  ResponseError,
  UserError,
} from '@platformatic/kafka'
import { describe, expect, it } from 'vitest'
import { isTransient, meaningOf, protocolErrors, toMillraceError } from '../../../src/adapters/kafka/errors.ts'
import { MillraceError } from '../../../src/sdk/errors.ts'

/** As the client throws it: around each other, the protocol's own innermost. */
function answered(name: string): Error {
  const error = new ProtocolError(name as keyof typeof known)
  return new MultipleErrors('produce failed 4 times.', [Object.assign(new Error('answer'), { errors: [error] })])
}

describe('an error of Kafka', () => {
  it('is named as the protocol names it', () => {
    expect(Object.keys(protocolErrors).filter(name => !(name in known))).toEqual([])
  })

  it.each([
    ['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_UNKNOWN', 'never', 'failed'],
    ['TOPIC_ALREADY_EXISTS', 'NAME_DUPLICATE', 'never', 'failed'],
    ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'never', 'failed'],
    ['ILLEGAL_GENERATION', 'PARTITION_LOST', 'never', 'failed'],
    ['OFFSET_OUT_OF_RANGE', 'OFFSET_OUT_OF_RANGE', 'never', 'failed'],
    ['MESSAGE_TOO_LARGE', 'RECORD_TOO_LARGE', 'never', 'failed'],
    ['NOT_LEADER_OR_FOLLOWER', 'LOG_FAILED', 'later', 'failed'],
    ['REQUEST_TIMED_OUT', 'LOG_FAILED', 'later', 'unknown'],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'LOG_FAILED', 'later', 'unknown'],
    ['TOPIC_AUTHORIZATION_FAILED', 'LOG_REFUSED', 'never', 'failed'],
    ['UNKNOWN_SERVER_ERROR', 'LOG_FAILED', 'later', 'failed'],
  ])('%s is %s, to be tried again %s, outcome %s', (name, code, retry, outcome) => {
    const error = toMillraceError(answered(name), 'append to users', 'users')
    expect(error).toMatchObject({ code, retry, outcome, place: 'users' })
    expect(error.message).toContain('Could not append to users')
    expect(error.message).toContain(name)
  })

  it('of the network has an unknown outcome and passes', () => {
    const error = new MultipleErrors('Cannot connect to any broker.', [
      new NetworkError('Connection to 127.0.0.1:1 failed.', { cause: new Error('connect ECONNREFUSED') }),
    ])
    expect(isTransient(error)).toBe(true)
    expect(toMillraceError(error, 'read users', 'users')).toMatchObject({
      code: 'LOG_UNREACHABLE',
      retry: 'later',
      outcome: 'unknown',
    })
  })

  it('is refused where the client itself refuses', () => {
    expect(meaningOf(new UserError('Broker requires TLS.'))).toMatchObject({ code: 'LOG_REFUSED' })
  })

  it('among several answers is the one that says something', () => {
    const errors = { '/a': [55, null], '/b': [29, null] } as const
    expect(meaningOf(new ResponseError(24, 3, errors as never, {}))?.name).toBe('TOPIC_AUTHORIZATION_FAILED')
  })

  it('of our own stays what it is, and a defect stays one', () => {
    const own = new MillraceError('TOPIC_UNKNOWN', 'no')
    expect(toMillraceError(own, 'x', 'y')).toBe(own)
    expect(meaningOf(new TypeError('undefined is not a function'))).toBeNull()
    expect(toMillraceError(new TypeError('oops'), 'x', 'y').code).toBe('INVARIANT_BROKEN')
  })
})
