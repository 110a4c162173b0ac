import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { GroupMembers } from '../../../src/adapters/kafka/group-members.ts'
import { memberIn } from '../../../src/adapters/kafka/member-id.ts'
import { KafkaSubscription } from '../../../src/adapters/kafka/subscription.ts'
import type { SubscriptionEvent } from '../../../src/ports/log.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'
import { ConsumerBrokers } from './consumer-brokers.ts'

const clock = virtualClock({ auto: true })
const opened: KafkaSubscription[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map(each => each.close()))
})

/** @param now what the member's own clock says */
function join(brokers: ConsumerBrokers, member: string, now: () => number = clock.now): KafkaSubscription {
  const subscription = new KafkaSubscription(brokers.client(clock, now), new GroupMembers(), 'consumer', {
    ...{ group: 'group', topic: 'users', member, maxBufferedBytes: 1_000_000 },
    ...{ sessionTimeoutMs: 10_000, drainTimeoutMs: 5_000 },
  })
  opened.push(subscription)
  return subscription
}

const next = (subscription: KafkaSubscription, waitMs = 60_000) =>
  subscription.next({ maxRecords: 1, maxBytes: 1, waitMs })

async function assigned(subscription: KafkaSubscription) {
  const event = await next(subscription)
  if (event.kind !== 'assigned') throw new Error(`Got ${event.kind}.`)
  return event
}

describe('a member of a group in which the brokers share partitions out', () => {
  it('writes its epoch down before it begins with a partition; nothing counts as committed by that', async () => {
    const brokers = new ConsumerBrokers(1)
    const { epoch, committed } = await assigned(join(brokers, 'one', () => 1_000))
    expect({ epoch, committed }).toEqual({ epoch: 1_000, committed: null })
    expect(brokers.offsets.get(0)).toEqual({ next: 3, metadata: 'epoch 1000' })
  })

  it('has nothing committed where the owner before has only written its epoch down', async () => {
    const brokers = new ConsumerBrokers(1)
    const one = join(brokers, 'one', () => 1_000)
    await assigned(one)
    await one.close()
    expect(await assigned(join(brokers, 'two', () => 17))).toMatchObject({ epoch: 1_001, committed: null })
  })

  it('takes a larger epoch than the owner before, though its clock is behind, and what that has committed', async () => {
    const brokers = new ConsumerBrokers(1)
    const one = join(brokers, 'one', () => 1_000_000)
    const { epoch } = await assigned(one)
    await one.commit(0, epoch, 7, 'text\nepoch 5')
    await one.close()
    const event = await assigned(join(brokers, 'two', () => 17))
    expect(event).toMatchObject({ epoch: 1_000_001, committed: { next: 7, metadata: 'text\nepoch 5' } })
    expect(brokers.offsets.get(0)).toEqual({ next: 7, metadata: 'text\nepoch 5\nepoch 1000001' })
  })

  it('drains what is asked back, and only then another gets it', async () => {
    const brokers = new ConsumerBrokers(2)
    const one = join(brokers, 'a')
    const epochs = [(await assigned(one)).epoch, (await assigned(one)).epoch]
    const two = join(brokers, 'b')
    const event = await next(one)
    expect(event).toMatchObject({ kind: 'revoking', partitions: [1] })
    expect((await next(two, 2_000)).kind).toBe('idle')
    await one.commit(1, epochs[1]!, 8, 'drained')
    await one.release(1)
    expect(await assigned(two)).toMatchObject({ partition: 1, committed: { next: 8, metadata: 'drained' } })
    await expect(one.commit(1, epochs[1]!, 9, 'late')).rejects.toMatchObject({ code: 'PARTITION_LOST' })
    await one.commit(0, epochs[0]!, 4, 'kept')
  })

  it('loses what it has not drained in time', async () => {
    const brokers = new ConsumerBrokers(2)
    const one = join(brokers, 'a')
    await assigned(one)
    await assigned(one)
    const two = join(brokers, 'b')
    expect((await next(one)).kind).toBe('revoking')
    expect(await next(one)).toEqual({ kind: 'lost', partitions: [1] })
    expect((await assigned(two)).partition).toBe(1)
  })

  it('begins nothing that it loses before its epoch is written down', async () => {
    const brokers = new ConsumerBrokers(1)
    const one = join(brokers, 'a', () => 5_000)
    let expelled = false
    brokers.beforeAnswer = request => {
      if (request !== 'offsetCommit' || expelled) return
      expelled = true
      brokers.expel([...brokers.members.keys()][0]!)
      brokers.offsets.set(0, { next: 4, metadata: 'of another\nepoch 9000' })
    }
    const event = await assigned(one)
    expect(event).toMatchObject({ epoch: 9_001, committed: { next: 4, metadata: 'of another' } })
    expect(expelled).toBe(true)
  })

  it('loses everything when it is expelled, and its commits are refused until it has a partition again', async () => {
    const brokers = new ConsumerBrokers(1)
    const one = join(brokers, 'a')
    const { epoch } = await assigned(one)
    brokers.expel([...brokers.members.keys()][0]!)
    await expect(one.commit(0, epoch, 5, 'late')).rejects.toMatchObject({ code: 'PARTITION_LOST' })
    expect(await next(one)).toEqual({ kind: 'lost', partitions: [0] })
    const again = await assigned(one)
    expect(again.epoch).toBeGreaterThan(epoch)
    await one.commit(0, again.epoch, 5, 'in time')
  })

  it('commits again under its new epoch when a rebalance overtakes a commit', async () => {
    const brokers = new ConsumerBrokers(2)
    const one = join(brokers, 'a')
    const { epoch } = await assigned(one)
    let overtaken = false
    brokers.beforeAnswer = request => {
      if (request !== 'offsetCommit' || overtaken) return
      overtaken = true
      for (const member of brokers.members.values()) member.epoch++
    }
    // The member hears of its new epoch as one that has lost the answer to a heartbeat would: it joins again, and begins anew.
    await expect(one.commit(0, epoch, 6, 'text')).rejects.toMatchObject({ code: 'PARTITION_LOST' })
    expect((await next(one)).kind).toBe('lost')
  })

  it('waits while the group has members of the classic protocol, and says so', async () => {
    const brokers = new ConsumerBrokers(1)
    brokers.classicMembers = 1
    const one = join(brokers, 'a')
    await expect(next(one)).rejects.toMatchObject({ code: 'RUN_STATE', retry: 'later', place: 'group' })
    expect(brokers.requests).not.toContain('consumerGroupHeartbeat')
    brokers.classicMembers = 0
    expect((await assigned(one)).partition).toBe(0)
  })

  it('tells what it is called with its id', async () => {
    const brokers = new ConsumerBrokers(1)
    await assigned(join(brokers, 'host.17-x'))
    expect([...brokers.members.keys()].map(memberIn)).toEqual(['host.17-x'])
    expect(memberIn('7Pxq3UvkQ1iNlOQK4P2aFA')).toBeNull()
  })

  it('has each partition alone, with an epoch larger than all before it, whatever joins, ends or is expelled', async () => {
    const step = fc.record({
      what: fc.constantFrom('join', 'close', 'expel', 'read', 'read', 'read and commit'),
      who: fc.nat(3),
      skew: fc.integer({ min: -3_600_000, max: 3_600_000 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async steps => {
        const brokers = new ConsumerBrokers(3)
        const members = new Map<number, KafkaSubscription>()
        const epochs = [0, 0, 0]
        const committed = new Map<number, number>()
        const hear = async (subscription: KafkaSubscription, event: SubscriptionEvent, commits: boolean) => {
          if (event.kind === 'revoking') for (const each of event.partitions) await subscription.release(each)
          if (event.kind !== 'assigned') return
          const { partition, epoch } = event
          expect(epoch).toBeGreaterThan(epochs[partition]!)
          expect(event.committed?.next ?? null).toBe(committed.get(partition) ?? null)
          epochs[partition] = epoch
          if (!commits) return
          await subscription.commit(partition, epoch, partition + 10, '')
          committed.set(partition, partition + 10)
        }
        for (const { what, who, skew } of steps) {
          const member = members.get(who)
          if (what === 'join' && member === undefined) {
            members.set(
              who,
              join(brokers, `m${who}`, () => clock.now() + skew),
            )
          } else if (what === 'close') {
            members.delete(who)
            await member?.close()
          } else if (what === 'expel') {
            const id = [...brokers.members.keys()].find(each => memberIn(each) === `m${who}`)
            if (id !== undefined) brokers.expel(id)
          } else if (member !== undefined) await hear(member, await next(member, 1_500), what === 'read and commit')
        }
        await Promise.all([...members.values()].map(each => each.close()))
      }),
      { numRuns: 60 },
    )
  })
})
