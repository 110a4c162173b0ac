import { expect, it } from 'vitest'
import { murmur2, partitionOf } from '../../src/ports/partitioner.ts'

// From Kafka's own UtilsTest.testMurmur2, and librdkafka's for the empty key.
const known: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
  ['', 275646681],
]

it.each(known)('murmur2 of %j is %i, as in Kafka', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash)
})

it('a negative hash is made positive by dropping its sign bit, not by negating it', () => {
  expect(partitionOf(Buffer.from('21'), 7)).toBe((-973932308 & 0x7fffffff) % 7)
  expect(partitionOf(Buffer.from('21'), 7)).not.toBe(973932308 % 7)
})
