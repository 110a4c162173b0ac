import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeKept, encodeKept, nextEpoch } from '../../../src/adapters/kafka/epochs.ts'

describe('the epoch of an assignment', () => {
  it('is the time, or one more than the highest that is known', () => {
    expect(nextEpoch(0, 1_700_000_000_000.7)).toBe(1_700_000_000_000)
    expect(nextEpoch(1_700_000_000_000, 1_700_000_000_000)).toBe(1_700_000_000_001)
    expect(nextEpoch(1_800_000_000_000, 1_700_000_000_000)).toBe(1_800_000_000_001)
  })

  it('is kept behind any text of a commit, which comes back as it was', () => {
    const kept = fc.record({
      text: fc.option(fc.oneof(fc.string(), fc.constantFrom('', 'epoch 5', 'a\nepoch 5', '{"version":1}', '\n'))),
      epoch: fc.nat({ max: 9_000_000_000_000 }),
    })
    fc.assert(
      fc.property(kept, each => {
        expect(decodeKept(encodeKept(each))).toEqual(each)
      }),
    )
  })

  it('is 0 beside the commit of another tool', () => {
    for (const text of ['', 'moved', '{"version":7}', 'epoch x', 'my epoch 5']) {
      expect(decodeKept(text)).toEqual({ text, epoch: 0 })
    }
  })
})
