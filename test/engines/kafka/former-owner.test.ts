import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTopic, groupProtocols, kafkaOfThisFile, openTestLog } from './support.ts'

const kafka = kafkaOfThisFile()
const patient = { maxRecords: 100, maxBytes: 1_000_000, waitMs: 30_000 }

/** A process that owns a partition, as it is told and what it answers. */
function startOwner(...parameters: string[]) {
  const path = new URL('stopped-owner.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [path, kafka().address, ...parameters], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    const exited = once(child, 'exit')
    if (child.kill('SIGKILL')) await exited
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    line: async () => (await lines.next()).value as string,
    tell: (line: string) => void child.stdin.write(`${line}\n`),
    signal: (signal: NodeJS.Signals) => void child.kill(signal),
  }
}

describe.each(groupProtocols)('a member of a %s group that was stopped for longer than its session', groups => {
  it('can neither append nor commit as the owner of what went to another', async () => {
    const log = await openTestLog(kafka().address, { groups })
    const topic = await createTopic(log)
    const letters = await createTopic(log)
    const group = `${topic}.group`
    const owner = startOwner(groups, group, topic, letters)
    expect(await owner.line()).toBe('ready')
    owner.tell('in time')
    expect(await owner.line()).toBe('appended')

    owner.signal('SIGSTOP')
    const heir = await log.subscribe({ group, topic, member: 'heir', sessionTimeoutMs: 6_000 })
    const event = await heir.next(patient)
    if (event.kind !== 'assigned') throw new Error(`Got ${event.kind}.`)
    expect(event.committed).toEqual({ next: 1, metadata: 'in time' })
    const commit = { group, topic, partition: 0, next: 2, metadata: 'heir', epoch: event.epoch }
    const record = (value: string) => ({ topic: letters, key: null, value: Buffer.from(value), partition: 0 })
    const producer = await log.producer(`${group}.heir`)
    await producer.append([record('heir')], [commit])

    owner.tell('too late')
    owner.signal('SIGCONT')
    expect(await owner.line()).toBe('PARTITION_LOST')
    await producer.append([record('heir again')], [{ ...commit, next: 3 }])
    const { end } = (await log.admin.ranges(letters))[0]!
    const values: string[] = []
    for (let next = 0; next < end; ) {
      const records = await log.admin.read(letters, 0, next, { ...patient, waitMs: 0 })
      values.push(...records.map(({ value }) => Buffer.from(value!).toString()))
      next = records.length === 0 ? end : records.at(-1)!.offset + 1
    }
    expect(values).toEqual(['in time', 'heir', 'heir again'])
    expect(await log.admin.committed(group, topic)).toEqual([{ group, topic, partition: 0, next: 3, metadata: 'heir' }])
  })
})
