import { describe, expect, it } from 'vitest'
import { createTopic, nextOf, openLog, openRaw, patient, record, temporaryLogPath } from './support.ts'

describe('a reader', () => {
  it('gives partitions with little data their turn beside one with much', async () => {
    const log = openLog(temporaryLogPath())
    await createTopic(log, { partitions: 2 })
    const producer = await log.producer('producer')
    const large = 'x'.repeat(1_000)
    for (let append = 0; append < 4; append++) {
      await producer.append(Array.from({ length: 600 }, () => record(large, 0)))
      await producer.append([record('small', 1)])
    }
    const subscription = await log.subscribe({ group: 'group', topic: 'users', member: 'member' })
    for (const partition of [0, 1]) {
      await nextOf(subscription, 'assigned')
      subscription.seek(partition, 0)
    }
    const order: number[] = []
    while (!order.includes(1))
      order.push((await nextOf(subscription, 'batch', { ...patient, maxRecords: 50 })).partition)
    // A stored batch holds 256 of these records.
    expect(order).toEqual([0, 0, 0, 0, 0, 0, 1])
  })

  it('that never waits still lets timers of its thread run', async () => {
    const log = openLog(temporaryLogPath())
    await createTopic(log)
    await (await log.producer('producer')).append([record('a')])
    let fired = false
    setTimeout(() => {
      fired = true
    }, 1)
    const until = performance.now() + 60_000
    while (!fired && performance.now() < until) await log.admin.read('users', 0, 0, patient)
    expect(fired).toBe(true)
  })

  it('is told when its heartbeat failed, and goes on when it succeeds again', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log)
    const subscription = await log.subscribe({ group: 'g', topic: 'users', member: 'm', sessionTimeoutMs: 3_000 })
    await nextOf(subscription, 'assigned')
    const other = openRaw(path)
    other.exec('ALTER TABLE members RENAME TO hidden')
    await expect(subscription.next(patient)).rejects.toThrow('members')
    other.exec('ALTER TABLE hidden RENAME TO members')
    expect((await subscription.next({ ...patient, waitMs: 2_000 })).kind).toBe('idle')
  })
})
