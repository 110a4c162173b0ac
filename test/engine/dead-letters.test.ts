import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type DeadLetterOrigin,
  deadLetterId,
  fromDeadLetterRecord,
  replayedId,
  replayVersion,
  toDeadLetterRecord,
  toReplayedRecord,
  toReplayRecord,
} from '../../src/engine/dead-letters.ts'
import { MillraceError } from '../../src/sdk/errors.ts'

const bytes = fc.uint8Array({ maxLength: 20 }).map(each => Buffer.from(each))
const anyHeaders = fc.dictionary(
  fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('millrace.stage', 'millrace.key', 'original.x', '__proto__x')),
  bytes,
  { minKeys: 1, maxKeys: 4, noNullPrototype: true },
)
const anyOrigin: fc.Arbitrary<DeadLetterOrigin> = fc.oneof(
  fc.record({
    kind: fc.constant('topic' as const),
    topic: fc.string({ minLength: 1 }),
    partition: fc.nat(1000),
    offset: fc.nat(),
    version: fc.maxSafeNat(),
  }),
  fc.record({
    kind: fc.constant('source' as const),
    runId: fc.string(),
    logicalDate: fc.constant('2026-01-01T00:00:00.000Z'),
    cursor: fc.string(),
    index: fc.nat(),
  }),
)
const anyFailed = fc.record({
  origin: anyOrigin,
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.option(anyHeaders),
  reason: fc.string({ minLength: 1, unit: 'grapheme' }),
})

const asLogRecord = ({ key, value, headers }: ReturnType<typeof toDeadLetterRecord>) => ({
  key,
  value,
  headers: headers ?? null,
})

describe('a dead letter', () => {
  it('comes back from its topic as it went in: bytes, headers, coordinates and reason (G5)', () => {
    fc.assert(
      fc.property(anyFailed, ({ reason, ...failed }) => {
        const error = new MillraceError('RECORD_INVALID', reason)
        const record = toDeadLetterRecord('users.dlq', 'users/keep', { ...failed, error })
        expect(record.topic).toBe('users.dlq')
        expect(fromDeadLetterRecord(asLogRecord(record))).toEqual({
          id: deadLetterId('users/keep', failed.origin),
          stage: 'users/keep',
          origin: failed.origin,
          code: 'RECORD_INVALID',
          reason,
          key: failed.key,
          value: failed.value,
          headers: failed.headers,
        })
      }),
    )
  })

  it('has one id for one failure of one record, and another for every other record (G5)', () => {
    const origin = { kind: 'topic', topic: 'users', partition: 1, offset: 7, version: 70 } as const
    expect(deadLetterId('a/b', { ...origin, version: 71 })).toBe(deadLetterId('a/b', origin))
    const others = [
      deadLetterId('a/b', origin),
      deadLetterId('a/c', origin),
      deadLetterId('a/b', { ...origin, topic: 'orders' }),
      deadLetterId('a/b', { ...origin, partition: 2 }),
      deadLetterId('a/b', { ...origin, offset: 8 }),
      ...['', '1'].flatMap(cursor =>
        [0, 1].map(index =>
          deadLetterId('a/b', { kind: 'source', runId: 'r', logicalDate: '2026-01-01T00:00:00.000Z', cursor, index }),
        ),
      ),
    ]
    expect(new Set(others).size).toBe(others.length)
  })

  it('says where its error happened, and keeps a long reason short', () => {
    const origin = { kind: 'topic', topic: 'users', partition: 0, offset: 0, version: 1 } as const
    const reasonOf = (error: MillraceError) => {
      const failed = { origin, error, key: null, value: null, headers: null }
      return fromDeadLetterRecord(asLogRecord(toDeadLetterRecord('users.dlq', 'a/b', failed)))!.reason
    }
    expect(reasonOf(new MillraceError('RECORD_INVALID', 'No text.', { place: 'name.first' }))).toBe(
      'No text. (name.first)',
    )
    const long = reasonOf(new MillraceError('RECORD_INVALID', 'x'.repeat(1_000_000)))
    expect(long.length).toBe(2_000)
    expect(long.endsWith('…')).toBe(true)
  })

  it('is no other record', () => {
    expect(fromDeadLetterRecord({ key: Buffer.from('k'), value: Buffer.from('v'), headers: null })).toBeNull()
    expect(fromDeadLetterRecord(asLogRecord(toReplayedRecord('users.dlq', 'id', 0)))).toBeNull()
  })

  it.each(['', '{', 'null', '7', '{}', '{"kind":"other"}'])(
    'is no record in which another program wrote as its origin: %s',
    origin => {
      const headers = { 'millrace.stage': Buffer.from('users/keep'), 'millrace.origin': Buffer.from(origin) }
      expect(fromDeadLetterRecord({ key: Buffer.from('k'), value: null, headers })).toBeNull()
    },
  )

  it('is said to be replayed by a record of its id without a value', () => {
    const replayed = asLogRecord(toReplayedRecord('users.dlq', 'a/b|users|0|7', Date.UTC(2026, 0, 1)))
    expect(replayedId(replayed)).toBe('a/b|users|0|7')
    expect(replayed.value).toBeNull()
    expect(replayedId({ key: Buffer.from('id'), headers: { other: Buffer.from('') } })).toBeNull()
  })
})

describe('a replayed record', () => {
  it('keeps its bytes and headers, and the version it would have had (G2)', () => {
    fc.assert(
      fc.property(anyFailed, fc.maxSafeNat(), ({ key, value, headers }, version) => {
        const record = toReplayRecord({ key, value, headers }, 'users', version)
        expect(record).toMatchObject({ topic: 'users', key, value })
        expect(record.headers).toMatchObject({ ...headers })
        expect(replayVersion(record.headers!)).toBe(version)
      }),
    )
  })

  it('is the only one with a version of its own', () => {
    expect(replayVersion(null)).toBeNull()
    expect(replayVersion({ other: Buffer.from('7') })).toBeNull()
    for (const text of ['', 'soon', '-1', '1.5', '1e3', '99999999999999999999']) {
      expect(replayVersion({ 'millrace.replay-version': Buffer.from(text) })).toBeNull()
    }
  })
})
