import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import cassandra from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { asTableError, failureOf, isOverload, isTransient, meanings } from '../../../src/adapters/cassandra/errors.ts'
import { rowFault } from '../../../src/adapters/cassandra/row-fault.ts'
import { MillraceError } from '../../../src/sdk/errors.ts'

const { errors, types } = cassandra
const response = (code: number, message = 'message') => new errors.ResponseError(code, message)
const noHost = (...inner: unknown[]) =>
  new errors.NoHostAvailableError(Object.fromEntries(inner.map((each, i) => [`127.0.0.${i}:9042`, each])))
const socket = Object.assign(new errors.DriverInternalError('Socket was closed'), { isSocketError: true })
const codes = types.responseErrorCodes

describe('errors of the driver', () => {
  it.each([
    ['no node reachable', noHost('Host considered as DOWN'), 'DATABASE_UNREACHABLE', 'later', 'failed'],
    ['no node known', noHost(), 'DATABASE_UNREACHABLE', 'later', 'failed'],
    ['every node too slow', noHost(new errors.OperationTimedOutError('slow')), 'DATABASE_TIMEOUT', 'later', 'unknown'],
    ['every node refuses', noHost(new errors.AuthenticationError('who?')), 'DATABASE_REFUSED', 'later', 'failed'],
    ['connection lost', socket, 'DATABASE_UNREACHABLE', 'later', 'unknown'],
    ['no connection', new Error('No connection available'), 'DATABASE_UNREACHABLE', 'later', 'failed'],
    ['connection closed', new Error('Connection closed'), 'DATABASE_UNREACHABLE', 'later', 'unknown'],
    ['too few replicas', response(codes.unavailableException), 'DATABASE_UNREACHABLE', 'later', 'failed'],
    ['overloaded', response(codes.overloaded), 'DATABASE_OVERLOADED', 'later', 'unknown'],
    ['write timed out', response(codes.writeTimeout), 'DATABASE_TIMEOUT', 'later', 'unknown'],
    ['write failed', response(codes.writeFailure), 'DATABASE_FAILED', 'later', 'unknown'],
    ['no answer', new errors.OperationTimedOutError('slow'), 'DATABASE_TIMEOUT', 'later', 'unknown'],
    ['connections full', new errors.BusyConnectionError('a', 1, 1), 'DATABASE_OVERLOADED', 'later', 'failed'],
    ['not permitted', response(codes.unauthorized), 'DATABASE_REFUSED', 'never', 'failed'],
    ['not CQL', response(codes.syntaxError), 'QUERY_INVALID', 'never', 'failed'],
    ['not possible', response(codes.invalid), 'QUERY_INVALID', 'never', 'failed'],
    ['of a later protocol', response(0x9999), 'DATABASE_FAILED', 'later', 'unknown'],
  ])('%s', (_, error, code, retry, outcome) => {
    const mapped = asTableError(error, 'users.users')
    expect(mapped).toBeInstanceOf(MillraceError)
    expect(mapped).toMatchObject({ code, retry, outcome, place: 'users.users', cause: error })
  })

  it('say what each node said', () => {
    const mapped = asTableError(noHost('Host considered as DOWN', new Error('refused')), 'p') as MillraceError
    expect(mapped.message).toBe(
      'Cassandra: no node took the request (127.0.0.0:9042: Host considered as DOWN; 127.0.0.1:9042: refused)',
    )
  })

  it('say so where the driver tried no node, since it knows of none that is up', () => {
    expect((asTableError(noHost(), 'p') as MillraceError).message).toBe('Cassandra: no node is up.')
  })

  it('are left alone if they are of somebody else', () => {
    const error = new TypeError('ours')
    expect(failureOf(error)).toBeNull()
    expect(asTableError(error, 'p')).toBe(error)
    expect(asTableError('text', 'p')).toBe('text')
  })

  it('ask for fewer requests only where the cluster is slow', () => {
    expect([response(codes.overloaded), response(codes.writeTimeout)].every(isOverload)).toBe(true)
    expect([noHost('DOWN'), response(codes.invalid), new Error('x')].some(isOverload)).toBe(false)
  })

  it('are worth another try only where a second can change something', () => {
    expect([response(codes.writeTimeout), socket].every(isTransient)).toBe(true)
    expect([noHost('DOWN'), response(codes.unavailableException), response(codes.invalid)].some(isTransient)).toBe(
      false,
    )
  })

  it('are those of docs/cassandra.md', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/cassandra.md'), 'utf8')
    for (const [failure, { code, outcome }] of Object.entries(meanings)) {
      expect(page).toContain(`| \`${failure}\` | \`${code}\` | ${outcome === 'unknown' ? 'yes' : 'no'} |`)
    }
  })
})

describe('a refused write', () => {
  it.each([
    'Batch too large',
    'Request is too big: length 17825860 exceeds maximum allowed length 16777216.',
    'Rejected an oversized mutation (3145812/2097152) for keyspace: users. Top keys are: users.b',
    'Key length of 70000 is longer than maximum of 65535',
    'Key may not be empty',
    'Mutation of 17825860 bytes is too large for the maximum size of 16777216',
    'Guardrail column_value_size violated: Value of column name has size 2KiB, this exceeds the failure threshold of 1KiB.',
  ])('is the row’s fault: %s', message => {
    expect(rowFault(response(codes.invalid, message), 'p')?.code).toBe('RECORD_REJECTED')
  })

  it.each([
    'table users does not exist',
    'Undefined column name nickname in table users.users',
    'keyspace users does not exist',
  ])('is not the row’s fault: %s', message => {
    expect(rowFault(response(codes.invalid, message), 'p')).toBeNull()
  })

  it('is not the row’s fault if the cluster is in trouble', () => {
    expect(rowFault(response(codes.writeTimeout, 'too large'), 'p')).toBeNull()
  })
})
