import { ConnectionPool, listGroupsV5 } from '@platformatic/kafka'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import type { Log, Subscription } from '../../../src/ports/log.ts'
import type { KafkaConfig } from '../../../src/sdk/targets/kafka.ts'
import { createTopic, kafkaOfThisFile, openLog, openTestLog } from './support.ts'

const kafka = kafkaOfThisFile({}, 'kafka')
const older = kafkaOfThisFile({}, 'kafka-zookeeper')

/** An hour behind. */
const slowClock = { ...systemClock, now: () => systemClock.now() - 3_600_000 }

async function openSlowLog(settings: Partial<KafkaConfig>): Promise<Log> {
  const log = await openLog(kafka().address, settings, {}, slowClock)
  onTestFinished(() => log.close())
  return log
}

/** What the broker says of a group: `classic` or `consumer`; null if it has none of this name. */
async function protocolOf(group: string): Promise<string | null> {
  const [host, port] = kafka().address.split(':')
  const pool = new ConnectionPool('reader')
  onTestFinished(() => pool.close())
  const { groups } = await listGroupsV5.api.async(await pool.get({ host: host!, port: Number(port) }), [], [])
  return groups.find(each => each.groupId === group)?.groupType ?? null
}

async function assigned(subscription: Subscription, waitMs = 30_000) {
  const event = await subscription.next({ maxRecords: 1, maxBytes: 1, waitMs })
  if (event.kind !== 'assigned') throw new Error(`Got ${event.kind}.`)
  return event
}

async function withMember(groups: KafkaConfig['groups'], session: KafkaConfig['limits'] = {}) {
  const log = await openTestLog(kafka().address, { ...(groups !== undefined && { groups }), limits: session })
  const topic = await createTopic(log)
  const subscription = await log.subscribe({ group: topic, topic, member: 'only' })
  await assigned(subscription)
  return topic
}

describe('the protocol of a group', () => {
  it('is the newer one where the brokers have it and allow the session', async () => {
    expect(await protocolOf(await withMember(undefined))).toBe('consumer')
    expect(await protocolOf(await withMember('classic'))).toBe('classic')
  })

  it('is the classic one where the brokers do not allow the session, unless the newer one is asked for', async () => {
    // At most a minute in the newer one, half an hour in the classic one.
    const limits = { session: '2m' } as const
    expect(await protocolOf(await withMember('auto', limits))).toBe('classic')
    expect(await protocolOf(await withMember('consumer', limits))).toBe('consumer')
  })

  it('is the classic one where the brokers have no other', async () => {
    const log = await openTestLog(older().address)
    const topic = await createTopic(log)
    const subscription = await log.subscribe({ group: topic, topic, member: 'only' })
    const { epoch } = await assigned(subscription)
    await subscription.commit(0, epoch, 1, 'text')
    expect((await log.admin.groups()).items).toMatchObject([
      { group: topic, members: [{ member: 'only', partitions: [0] }], offsets: [{ next: 1, metadata: 'text' }] },
    ])
    const insisting = await openTestLog(older().address, { groups: 'consumer' })
    const refused = insisting.subscribe({ group: topic, topic, member: 'other' })
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID', place: 'groups' })
  })

  it('changes when the members of one have ended; those of the other wait, and epochs grow, also on a slow clock (G7)', async () => {
    const log = await openTestLog(kafka().address)
    const topic = await createTopic(log)
    const group = `${topic}.group`
    let highest = 0
    let before: Subscription | null = null
    for (const [turn, groups] of (['classic', 'consumer', 'classic', 'consumer'] as const).entries()) {
      const other = await (turn === 0 ? openTestLog(kafka().address, { groups }) : openSlowLog({ groups }))
      const subscription = await other.subscribe({ group, topic, member: groups })
      if (before !== null) {
        await expect(assigned(subscription)).rejects.toMatchObject({ code: 'RUN_STATE', retry: 'later', place: group })
        expect(await protocolOf(group)).not.toBe(groups)
        await before.close()
      }
      const { epoch, committed } = await assigned(subscription)
      expect(epoch).toBeGreaterThan(highest)
      expect(committed).toEqual(turn === 0 ? null : { next: turn, metadata: `turn ${turn - 1}` })
      await subscription.commit(0, epoch, turn + 1, `turn ${turn}`)
      expect(await protocolOf(group)).toBe(groups)
      highest = epoch
      before = subscription
    }
  })

  it.each(['consumer', 'classic'] as const)(
    'keeps its epochs when offsets of a %s group are reset (G7)',
    async groups => {
      const log = await openTestLog(kafka().address, { groups })
      const topic = await createTopic(log)
      const first = await log.subscribe({ group: topic, topic, member: 'first' })
      const { epoch } = await assigned(first)
      await first.commit(0, epoch, 1, 'text')
      await first.close()
      await log.admin.resetOffsets([{ group: topic, topic, partition: 0, next: 0, metadata: 'again' }])
      const second = await (await openSlowLog({ groups })).subscribe({ group: topic, topic, member: 'second' })
      const event = await assigned(second)
      expect(event.committed).toEqual({ next: 0, metadata: 'again' })
      expect(event.epoch).toBeGreaterThan(epoch)
    },
  )
})
