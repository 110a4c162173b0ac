import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assign } from '../../../../src/adapters/embedded/log/assignment.ts'

const situations = fc
  .record({
    partitions: fc.integer({ min: 0, max: 30 }),
    members: fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 8 }),
  })
  .chain(({ partitions, members }) =>
    fc.record({
      partitions: fc.constant(partitions),
      members: fc.constant(members),
      held: fc
        .array(fc.option(fc.constantFrom(...members)), { minLength: partitions, maxLength: partitions })
        .map(owners => new Map(owners.flatMap((owner, partition) => (owner === null ? [] : [[partition, owner]])))),
    }),
  )

function shares(members: readonly number[], owners: ReadonlyMap<number, number>): number[] {
  return members.map(member => [...owners.values()].filter(owner => owner === member).length)
}

describe('the assignment of partitions', () => {
  it('gives every partition to a member, in shares that differ by at most one', () => {
    fc.assert(
      fc.property(situations, ({ partitions, members, held }) => {
        const owners = assign(partitions, members, held)
        expect(owners.size).toBe(partitions)
        const sizes = shares(members, owners)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('moves no more partitions than balance demands', () => {
    fc.assert(
      fc.property(situations, ({ partitions, members, held }) => {
        const owners = assign(partitions, members, held)
        const moved = [...held].filter(([partition, owner]) => owners.get(partition) !== owner).length
        const least = Math.floor(partitions / members.length)
        const larger = partitions % members.length
        const excess = shares(members, held)
          .toSorted((a, b) => b - a)
          .map((size, index) => Math.max(0, size - least - (index < larger ? 1 : 0)))
          .reduce((sum, each) => sum + each, 0)
        expect(moved).toBe(excess)
      }),
    )
  })

  it('leaves a balanced assignment as it is', () => {
    fc.assert(
      fc.property(situations, ({ partitions, members, held }) => {
        const owners = assign(partitions, members, held)
        expect(assign(partitions, members, owners)).toEqual(owners)
      }),
    )
  })

  it('is empty without members', () => {
    expect(assign(3, [], new Map())).toEqual(new Map())
  })
})
