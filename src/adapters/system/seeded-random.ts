import { createHash } from 'node:crypto'
import type { Random } from '../../ports/clock.ts'

/** Numbers that depend on the text of the seed only (sfc32, 128 bits of state). Not for secrets. */
export function seededRandom(seed: string): Random {
  const digest = createHash('sha256').update(seed).digest()
  let a = digest.readUInt32LE(0)
  let b = digest.readUInt32LE(4)
  let c = digest.readUInt32LE(8)
  let counter = digest.readUInt32LE(12)
  return {
    next() {
      const sum = (a + b + counter) | 0
      counter = (counter + 1) | 0
      a = b ^ (b >>> 9)
      b = (c + (c << 3)) | 0
      c = ((c << 21) | (c >>> 11)) + sum
      return (sum >>> 0) / 2 ** 32
    },
  }
}
