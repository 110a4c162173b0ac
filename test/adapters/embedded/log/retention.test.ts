import { expect, it } from 'vitest'
import { createTopic, nextOf, openLog, patient, record, SettableClock, temporaryLogPath } from './support.ts'

const start = 1_000_000

async function openWithRetention(retentionMs: number) {
  const clock = new SettableClock(start)
  const log = openLog(temporaryLogPath(), clock)
  await createTopic(log, { retentionMs })
  return { clock, log, producer: await log.producer('producer') }
}

it('an append deletes what has passed its retention, and nothing younger', async () => {
  const { clock, log, producer } = await openWithRetention(1_000)
  for (let at = 0; at < 5; at++) {
    clock.set(start + at * 100)
    await producer.append([record('a'), record('b')])
  }
  clock.set(start + 1_200)
  await producer.append([record('last')])
  expect(await log.admin.ranges('users')).toEqual([{ partition: 0, start: 4, end: 11 }])
  const [first] = await log.admin.read('users', 0, 0, patient)
  expect(first?.offset).toBe(4)
})

it('each append deletes a limited number of batches, more than it adds, so that a backlog goes', async () => {
  const { clock, log, producer } = await openWithRetention(1_000)
  for (let at = 0; at < 40; at++) await producer.append([record('a')])
  clock.set(start + 10_000)
  const starts: number[] = []
  for (let at = 0; at < 3; at++) {
    await producer.append([record('b')])
    starts.push((await log.admin.ranges('users'))[0]!.start)
  }
  expect(starts).toEqual([16, 32, 40])
})

it('a group that retention overtook is told which records it missed and how to go on', async () => {
  const { clock, log, producer } = await openWithRetention(1_000)
  await producer.append([record('a'), record('b'), record('c')])
  const subscription = await log.subscribe({ group: 'group', topic: 'users', member: 'member' })
  await nextOf(subscription, 'assigned')
  subscription.seek(0, 1)
  clock.set(start + 5_000)
  await producer.append([record('d')])
  await expect(subscription.next(patient)).rejects.toMatchObject({
    code: 'OFFSET_OUT_OF_RANGE',
    place: 'group, users[0]@1',
    fix: expect.stringContaining('Reset the offsets of group to 3'),
  })
})

it('a group ahead of the log’s end is told so instead of waiting for ever', async () => {
  const { log, producer } = await openWithRetention(1_000)
  await producer.append([record('a')])
  const subscription = await log.subscribe({ group: 'group', topic: 'users', member: 'member' })
  await nextOf(subscription, 'assigned')
  subscription.seek(0, 2)
  await expect(subscription.next(patient)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
})
