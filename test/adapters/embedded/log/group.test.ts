import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { addMember, assignmentsOf, rebalance } from '../../../../src/adapters/embedded/log/group.ts'
import { thisProcess } from '../../../../src/adapters/embedded/log/liveness.ts'
import { openLogFile } from '../../../../src/adapters/embedded/log/log-file.ts'
import { requireTopic } from '../../../../src/adapters/embedded/log/topics.ts'
import { Program } from './processes.ts'
import { createTopic, nextOf, openLog, patient, record, SettableClock, temporaryLogPath } from './support.ts'

const hour = 3_600_000

function start(log: ReturnType<typeof openLog>, settings: { sessionTimeoutMs?: number; drainTimeoutMs?: number } = {}) {
  return log.subscribe({ group: 'group', topic: 'users', member: 'member', ...settings })
}

describe('a member that ends without leaving', () => {
  it('is replaced at once when its process was killed, however long its session', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log)
    const child = new Program('./member.ts', path, String(hour))
    const before = JSON.parse((await child.line())!)
    expect(before).toMatchObject({ kind: 'assigned', partition: 0 })
    await child.kill()
    expect((await log.admin.groups()).items[0]?.members).toEqual([])
    const next = await start(log, { sessionTimeoutMs: hour })
    const { epoch } = await nextOf(next, 'assigned', { ...patient, waitMs: 0 })
    expect(epoch).toBeGreaterThan(before.epoch)
  })

  it('is replaced at once when its thread was terminated, while a living thread of the process is left alone', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log, { partitions: 2 })
    const living = await start(log, { sessionTimeoutMs: hour, drainTimeoutMs: hour })
    for (let partition = 0; partition < 2; partition++) await nextOf(living, 'assigned')
    const worker = new Worker(new URL('./member-thread.ts', import.meta.url), {
      workerData: { path, sessionTimeoutMs: hour },
    })
    try {
      const taken = new Promise(resolve => worker.once('message', resolve))
      expect((await nextOf(living, 'revoking')).partitions).toEqual([1])
      await living.release(1)
      expect(await taken).toMatchObject({ kind: 'assigned', partition: 1 })
    } finally {
      await worker.terminate()
    }
    expect((await log.admin.groups()).items[0]?.members).toHaveLength(2)
    const next = await start(log, { sessionTimeoutMs: hour })
    const { partition } = await nextOf(next, 'assigned', { ...patient, waitMs: 0 })
    expect(partition).toBe(1)
    expect((await living.next({ ...patient, waitMs: 0 })).kind).toBe('idle')
  })

  it('is replaced after its session timeout when its process hangs, and learns of it when it goes on', async () => {
    const path = temporaryLogPath()
    const log = openLog(path)
    await createTopic(log)
    const child = new Program('./member.ts', path, '300')
    const before = JSON.parse((await child.line())!)
    child.signal('SIGSTOP')
    const next = await start(log, { sessionTimeoutMs: hour })
    const { epoch } = await nextOf(next, 'assigned')
    expect(epoch).toBeGreaterThan(before.epoch)
    child.signal('SIGCONT')
    expect(JSON.parse((await child.line())!)).toEqual({ kind: 'lost', partitions: [0] })
    await next.close()
    expect(JSON.parse((await child.line())!)).toMatchObject({ kind: 'assigned', partition: 0 })
  })
})

describe('a wall clock that steps', () => {
  it('back by an hour delays neither the deadline of a revocation nor the end of a silent member', async () => {
    const path = temporaryLogPath()
    await createTopic(openLog(path), { partitions: 2 })
    const file = openLogFile(path)
    onTestFinished(() => file.close())
    const topic = requireTopic(file, 'users')
    const self = thisProcess()
    const join = (member: string, now: number) => {
      const times = { sessionTimeoutMs: 10_000, drainTimeoutMs: 5_000 }
      return addMember(file, { group: 'group', topic, member, token: member, process: self, ...times }, now)
    }
    const balance = (now: number) => rebalance(file, 'group', topic.id, self, now)
    const owned = (member: number) => assignmentsOf(file, 'group', topic.id, member).map(each => each.partition)

    const first = join('first', 10 * hour)
    expect(balance(10 * hour)).toBe(null)
    const second = join('second', 10 * hour)
    expect(balance(10 * hour)).toBe(10 * hour + 5_000)
    expect(balance(9 * hour)).toBe(9 * hour + 5_000)
    expect([owned(first), owned(second)]).toEqual([[0, 1], []])
    expect(balance(9 * hour + 5_000)).toBe(null)
    expect([owned(first), owned(second)]).toEqual([[0], [1]])

    const third = join('third', 9 * hour + 9_000)
    balance(9 * hour + 9_000)
    balance(9 * hour + 10_000)
    expect([owned(first), owned(second)]).toEqual([[0], [1]])
    balance(9 * hour + 10_001)
    expect([owned(first), owned(second), owned(third)]).toEqual([[], [], [0, 1]])
  })

  it('back lets timestamps step back and offsets not', async () => {
    const clock = new SettableClock(2 * hour)
    const log = openLog(temporaryLogPath(), clock)
    await createTopic(log)
    const producer = await log.producer('producer')
    await producer.append([record('a'), record('b')])
    clock.set(hour)
    await producer.append([record('c')])
    clock.set(3 * hour)
    await producer.append([record('d')])
    const records = await log.admin.read('users', 0, 0, patient)
    expect(records.map(each => [each.offset, each.timestamp])).toEqual([
      [0, 2 * hour],
      [1, 2 * hour],
      [2, hour],
      [3, 3 * hour],
    ])
    expect(await log.admin.offsetsAt('users', hour)).toEqual([{ partition: 0, offset: 0 }])
    expect(await log.admin.offsetsAt('users', 2 * hour + 1)).toEqual([{ partition: 0, offset: 3 }])
  })
})

it('epochs of a group only grow, over every assignment it ever makes', async () => {
  const path = temporaryLogPath()
  const log = openLog(path)
  await createTopic(log, { partitions: 3 })
  let highest = 0
  for (let round = 0; round < 4; round++) {
    const subscription = await start(log)
    for (let partition = 0; partition < 3; partition++) {
      const { epoch } = await nextOf(subscription, 'assigned')
      expect(epoch).toBeGreaterThan(highest)
      highest = epoch
    }
    await subscription.release(1)
    const again = await nextOf(subscription, 'assigned')
    expect(again.epoch).toBeGreaterThan(highest)
    highest = again.epoch
    await subscription.close()
  }
})

it('a pending next of a closed subscription fails instead of waiting on', async () => {
  const log = openLog(temporaryLogPath())
  await createTopic(log)
  const subscription = await start(log)
  await nextOf(subscription, 'assigned')
  const pending = expect(subscription.next({ ...patient, waitMs: hour })).rejects.toMatchObject({
    message: 'The subscription is closed.',
  })
  await log.close()
  await pending
})

it('members of one thread share what another of it leaves', async () => {
  const log = openLog(temporaryLogPath())
  await createTopic(log, { partitions: 4 })
  const leaving = await start(log)
  const others = [await start(log), await start(log)]
  await leaving.close()
  const owners: number[][] = []
  for (const other of others) {
    owners.push([(await nextOf(other, 'assigned')).partition, (await nextOf(other, 'assigned')).partition])
  }
  expect(owners.flat().toSorted()).toEqual([0, 1, 2, 3])
})
