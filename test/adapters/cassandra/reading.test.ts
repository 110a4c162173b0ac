import cassandra from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { columnOf } from '../../../src/adapters/cassandra/columns.ts'
import { estimate } from '../../../src/adapters/cassandra/count.ts'
import { keyValue, routingKey } from '../../../src/adapters/cassandra/placement.ts'
import { readOnly } from '../../../src/adapters/cassandra/read-only.ts'
import { plainValue } from '../../../src/adapters/cassandra/values.ts'

const { types } = cassandra

describe('a query', () => {
  it.each([
    'SELECT * FROM a.b',
    '  select json * from a.b ; ',
    "-- how many?\nSELECT count(*) FROM a.b WHERE c = 'x; DROP TABLE a.b'",
    '/* UPDATE */ SELECT "a;b" FROM a.b',
    'SELECT $$it;s$$ FROM a.b // that is all',
  ])('that reads is sent: %s', statement => {
    expect(() => readOnly(statement)).not.toThrow()
  })

  it.each([
    ['', 'empty'],
    [' ;; ', 'empty'],
    ['-- SELECT', 'empty'],
    ['DELETE FROM a.b WHERE id = 1', 'Only statements that read'],
    ['/* SELECT */ TRUNCATE a.b', 'Only statements that read'],
    ['BEGIN BATCH INSERT INTO a.b (c) VALUES (1) APPLY BATCH', 'Only statements that read'],
    ['selected', 'Only statements that read'],
    ['SELECT * FROM a.b; TRUNCATE a.b', 'more than one'],
    ["SELECT 'a' FROM a.b; -- '\nTRUNCATE a.b", 'more than one'],
  ])('that does anything else is not: %s', (statement, reason) => {
    expect(() => readOnly(statement)).toThrow(reason)
  })
})

describe('a value', () => {
  const at = new Date('2026-02-03T04:05:06.789Z')
  it.each([
    [undefined, null],
    ['text', 'text'],
    [false, false],
    [at, at],
    [types.Long.fromNumber(2 ** 53 - 1), 2 ** 53 - 1],
    [types.Long.fromString('9223372036854775807'), '9223372036854775807'],
    [types.BigDecimal.fromString('-0.05'), '-0.05'],
    [types.BigDecimal.fromString('12.50'), '12.50'],
    [types.Uuid.fromString('0b6f2c1e-8f5a-4b7e-9f64-1f1f1c2d3e4f'), '0b6f2c1e-8f5a-4b7e-9f64-1f1f1c2d3e4f'],
    [Buffer.from('ab'), '0x6162'],
    [
      [types.Long.ONE, null],
      [1, null],
    ],
    [{ a: types.Long.ONE }, { a: 1 }],
    [new types.Tuple('a', types.Long.ONE), ['a', 1]],
    [types.InetAddress.fromString('127.0.0.1'), '127.0.0.1'],
    [types.LocalDate.fromString('2026-02-03'), '2026-02-03'],
  ])('of the driver is read as plain JavaScript: %s', (value, plain) => {
    expect(plainValue(value, types)).toEqual(plain)
  })
})

describe('a number of rows', () => {
  it('is estimated from how much of the tokens some of them cover', () => {
    expect(estimate(20_000, -(2n ** 63n) + 2n ** 62n - 1n)).toBe(80_000)
    expect(estimate(20_000, 2n ** 63n - 1n)).toBe(20_000)
    expect(estimate(20_000, -(2n ** 63n))).toBeGreaterThan(2 ** 60)
  })
})

describe('a routing key', () => {
  it('is one value as it is, and several with their lengths', () => {
    const [a, b] = [Buffer.from('a'), Buffer.from('bc')]
    expect(routingKey([a])).toEqual(a)
    expect(routingKey([a, b])).toEqual(Buffer.from([0, 1, 97, 0, 0, 2, 98, 99, 0]))
  })

  it.each([
    [{ kind: 'text' }, 'é', 'c3a9'],
    [{ kind: 'uuid' }, '0b6f2c1e-8f5a-4b7e-9f64-1f1f1c2d3e4f', '0b6f2c1e8f5a4b7e9f641f1f1c2d3e4f'],
    [{ kind: 'boolean' }, true, '01'],
    [{ kind: 'int' }, -2, 'fffffffe'],
    [{ kind: 'long' }, -2, 'fffffffffffffffe'],
    [{ kind: 'timestamp' }, new Date(258), '0000000000000102'],
    [{ kind: 'decimal', precision: 5, scale: 2 }, '2.57', '000000020101'],
  ] as const)('has Cassandra’s bytes of a value: %j', (type, value, hex) => {
    expect(keyValue(value, columnOf({ name: 'id', type, nullable: false })).toString('hex')).toBe(hex)
  })
})
