import { describe, expect, it } from 'vitest'
import { type TopicShape, toShares } from '../../../src/adapters/kafka/batching.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../src/adapters/kafka/group-protocol.ts'
import { encodeBatch } from '../../../src/adapters/kafka/record-batch.ts'
import type { NewRecord } from '../../../src/ports/log.ts'

const users: TopicShape = { name: 'users', partitions: 4, maxRecordBytes: 1_000, maxBatchBytes: 70_000 }
const topics = new Map([['users', users]])
const origin = { producerId: 1n, producerEpoch: 0, sequence: 0 }

function record(settings: Partial<NewRecord> = {}): NewRecord {
  return { topic: 'users', key: null, value: Buffer.alloc(900), ...settings }
}

describe('the batches of an append', () => {
  it('are as large as the topic takes and no larger, with every record once and in order', () => {
    const records = Array.from({ length: 500 }, (_, index) => record({ partition: 2, value: Buffer.alloc(index) }))
    const [share, ...others] = toShares(records, topics, 0)
    expect(others).toEqual([])
    expect(share!.batches.flat()).toEqual(records)
    const sizes = share!.batches.map(batch => encodeBatch(batch, origin, 0, () => 0).length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(users.maxBatchBytes)
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(users.maxBatchBytes - 2_000)
  })

  it('hold records without a key in one partition an append', () => {
    const partitions = [0, 1, 5].map(keyless =>
      toShares([record(), record()], topics, keyless).map(each => each.partition),
    )
    expect(partitions).toEqual([[0], [1], [1]])
  })

  it.each([
    ['key and value', record({ key: Buffer.alloc(101) })],
    ['headers', record({ headers: { h: Buffer.alloc(64 * 1024 + 100) } })],
  ])('are refused with a record whose %s are too large, by its index', (_what, large) => {
    const refused = expect.objectContaining({ code: 'RECORD_TOO_LARGE', place: '1' })
    expect(() => toShares([record(), large], topics, 0)).toThrow(refused)
  })

  it.each([-1, 4, 0.5])('are refused with a record for partition %d', partition => {
    expect(() => toShares([record({ partition })], topics, 0)).toThrow(
      expect.objectContaining({ code: 'TOPIC_UNKNOWN' }),
    )
  })
})

describe('what members of a group tell each other', () => {
  it('comes back as it was', () => {
    const owned = new Map([
      [0, 17],
      [3, 1_700_000_000_000],
    ])
    for (const has of [owned, new Map<number, number>()]) {
      const subscription = { topic: 'üsers', member: 'host-1', owned: has, highestEpoch: 9 }
      expect(decodeSubscription(encodeSubscription(subscription))).toEqual(subscription)
    }
    const assignment = { topic: 'users', partitions: [1, 2], epoch: 5 }
    expect(decodeAssignment(encodeAssignment(assignment))).toEqual(assignment)
    expect(decodeAssignment(encodeAssignment({ ...assignment, partitions: [] }))).toEqual({
      topic: '',
      partitions: [],
      epoch: 5,
    })
  })

  it('is refused if another program said it', () => {
    const foreign = Buffer.from([0, 1, 0, 0, 0, 1, 0, 1, 0x61, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
    expect(() => decodeSubscription(foreign)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
