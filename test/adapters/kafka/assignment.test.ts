import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignGroup } from '../../../src/adapters/kafka/assignment.ts'
import type { MemberSubscription } from '../../../src/adapters/kafka/group-protocol.ts'

function member(owned: readonly (readonly [number, number])[] = [], highestEpoch = 0): MemberSubscription {
  return { topic: 'users', member: 'm', owned: new Map(owned), highestEpoch }
}

/** The members of a group and how they take part: join, leave, or drain what is asked back. */
class Group {
  readonly members = new Map<string, Map<number, number>>()
  readonly #partitions: number
  #highest = 0

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  /** One rebalance at a moment of a clock that may step back; whether somebody has to drain and join again. */
  rebalance(now: number): boolean {
    const subscriptions = new Map([...this.members].map(([id, owned]) => [id, member([...owned], this.#highest)]))
    const { partitions, epoch } = assignGroup(this.#partitions, subscriptions, now)
    expect(epoch).toBeGreaterThan(this.#highest)
    this.#highest = epoch
    const owners = [...this.members].flatMap(([, owned]) => [...owned.keys()])
    let drains = false
    for (const [id, owned] of this.members) {
      for (const partition of partitions.get(id)!) {
        if (owned.has(partition)) continue
        expect(owners, `partition ${partition} has an owner`).not.toContain(partition)
        owned.set(partition, epoch)
      }
      for (const partition of [...owned.keys()]) {
        if (partitions.get(id)!.includes(partition)) continue
        owned.delete(partition)
        drains = true
      }
    }
    return drains
  }
}

describe('the assignment of a group', () => {
  it('gives every partition to exactly one member once drained ones have joined again, in shares that differ by one', () => {
    const step = fc.record({ join: fc.boolean(), id: fc.nat(5), now: fc.nat(1_000_000) })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(step, { minLength: 1, maxLength: 12 }),
        (partitions, steps) => {
          const group = new Group(partitions)
          for (const { join, id, now } of steps) {
            if (join) group.members.set(`member-${id}`, group.members.get(`member-${id}`) ?? new Map())
            else group.members.delete(`member-${id}`)
            if (group.members.size === 0) continue
            for (let rounds = 0; group.rebalance(now); rounds++) expect(rounds).toBeLessThan(2)
            const shares = [...group.members.values()].map(owned => owned.size)
            expect(shares.reduce((sum, share) => sum + share, 0)).toBe(partitions)
            expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1)
          }
        },
      ),
    )
  })

  it('moves no more than a new member’s share', () => {
    const owned = [0, 1, 2, 3].map(partition => [partition, 5] as const)
    const members = new Map([
      ['a', member(owned, 5)],
      ['b', member()],
    ])
    const { partitions } = assignGroup(4, members, 9)
    expect(partitions.get('a')).toHaveLength(2)
    expect(partitions.get('b')).toEqual([])
  })

  it('believes the newer of two claims', () => {
    const members = new Map([
      ['stale', member([[0, 5]], 5)],
      ['owner', member([[0, 8]], 8)],
    ])
    expect(assignGroup(1, members, 9).partitions.get('owner')).toEqual([0])
  })

  it('has an epoch of the clock, or above every known one where the clock is behind', () => {
    expect(assignGroup(1, new Map([['a', member([], 5)]]), 1_000).epoch).toBe(1_000)
    expect(assignGroup(1, new Map([['a', member([], 5_000)]]), 1_000).epoch).toBe(5_001)
  })
})
