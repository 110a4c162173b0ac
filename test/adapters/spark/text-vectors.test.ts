import { join } from 'node:path'
import { expect, it } from 'vitest'
import { seededRandom } from '../../../src/adapters/system/seeded-random.ts'

/** What Java's tests read; `npx vitest run test/adapters/spark/text-vectors.test.ts -u` writes them. */
const resources = join(import.meta.dirname, '../../../spark-sink/src/test/resources')

const random = seededRandom('numbers and times')
const bits = new DataView(new ArrayBuffer(8))

function fromBits(of: bigint): number {
  bits.setBigUint64(0, of)
  return bits.getFloat64(0)
}

function hexBits(of: number): string {
  bits.setFloat64(0, of)
  return bits.getBigUint64(0).toString(16).padStart(16, '0')
}

function times<T>(count: number, of: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => of(index))
}

const whole = (limit: number) => Math.floor(random.next() * limit)
const anyBits = () => (BigInt(whole(2 ** 32)) << 32n) | BigInt(whole(2 ** 32))

it('numbers are written as the vectors say that Java shares', async () => {
  const numbers = [
    ...[0, -0, 0.1 + 0.2, 2e23, 2 ** 53, 123_456_789_012_345_680_000, 1.1e-7, Number.MAX_VALUE],
    ...times(150, k => (k + 1) * Number.MIN_VALUE),
    ...times(44, k => 10 ** (k - 22)),
    ...times(100, k => 1.5 * 2 ** (k * 20 - 1_000)),
    ...times(200, () => 2 ** (whole(2_000) - 1_000)).flatMap(power => {
      const [below, above] = [-1n, 1n].map(step => fromBits(BigInt(`0x${hexBits(power)}`) + step))
      return [power, below!, above!]
    }),
    ...times(200, () => whole(1_000_000) / 100),
    ...times(100, () => (random.next() - 0.5) * 2 ** 56),
    ...times(100, () => Math.round(random.next() * 2 ** 56)),
    ...times(600, () => fromBits(anyBits())).filter(Number.isFinite),
  ]
  const lines = numbers.map(number => `${hexBits(number)} ${number}`)
  expect(lines.length).toBeGreaterThan(1_500)
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(join(resources, 'number-vectors.txt'))
})

it('times are written as the vectors say that Java shares', async () => {
  const edges = [0, -1, 253_402_300_799_999, 253_402_300_800_000, -62_167_219_200_000, -62_167_219_200_001]
  const millis = [
    ...[...edges, 8.64e15, -8.64e15, 951_782_400_000, -62_135_596_800_000],
    ...times(150, () => Math.round((random.next() - 0.5) * 2 * 8.64e15)),
    ...times(150, () => Math.round((random.next() - 0.5) * 2 * 2e14)),
  ]
  const lines = millis.map(each => `${each} ${new Date(each).toISOString()}`)
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(join(resources, 'time-vectors.txt'))
})
