import { Producer } from '@platformatic/kafka'
import { describe, expect, it, onTestFinished } from 'vitest'
import { enginesOfThisFile, targetOn } from './fault-engines.ts'
import { newerUsers, register } from './newer-users.ts'
import { bytes, type Poison, poisons, userOf } from './poisons.ts'
import type { TopicRecord } from './readers.ts'
import { openScene, type Scene } from './scene.ts'
import type { SentUser } from './sent-record.ts'
import { userEncoding } from './user-encoding.ts'
import { caughtUp, partitions, runMillrace, startWorker, topic, tryMillrace } from './workers.ts'

describe('records of every bad kind among good ones, on Kafka, a registry and Cassandra', () => {
  const engines = enginesOfThisFile()
  let scene: Scene
  let producer: Producer<Buffer, Buffer, Buffer, Buffer>

  async function open(): Promise<void> {
    scene = await openScene(targetOn(engines()))
    producer = new Producer({ clientId: 'poison', bootstrapBrokers: [engines().kafka.address], acks: -1 })
    onTestFinished(() => producer.close())
  }

  /** The client's own partitioner takes minutes for a key of a megabyte. */
  async function send(records: readonly Poison[], partition: number): Promise<void> {
    const messages = records.map(({ name, key, value, headers = [] }) => ({
      topic,
      ...(key !== null && { key }),
      ...(value !== null && { value }),
      partition,
      // A map with buffers as keys may have one name twice.
      headers: new Map([...headers, ['case', bytes(name)] as const].map(([name, value]) => [bytes(name), value])),
    }))
    await producer.send({ messages })
  }

  async function readTopic(): Promise<readonly TopicRecord[]> {
    const parts = Array.from({ length: partitions }, (_, partition) => scene.readers.read(topic, partition, 0))
    return (await Promise.all(parts)).flatMap(({ records }) => records)
  }

  const good = (user: SentUser, encode: (user: SentUser) => Buffer): Poison => ({
    ...{ name: 'good', key: bytes(user.id!), value: encode(user), code: null },
  })

  it('each becomes one dead letter as it was, and the others rows (G1, G5)', { timeout: 400_000 }, async () => {
    await open()
    const encode = await userEncoding(engines().registry.address, topic)
    const other = await register(engines().registry.address, 'others-value', { type: 'int' })
    const all = poisons(encode, other)
    const worker = startWorker(scene.surroundings)
    const users: SentUser[] = []
    const nextGood = () => {
      const user = userOf(users.length)
      users.push(user)
      return good(user, encode)
    }
    for (const [index, poison] of all.entries()) {
      await send([nextGood()], 0)
      await send([poison], index % partitions)
    }
    const many = Array.from({ length: 1_000 }, (_, index) => ({
      ...{ name: `bad ${index}`, key: null, value: bytes(`bad ${index}`), code: 'RECORD_UNDECODABLE' as const },
    }))
    await send(many, 1)
    await send([nextGood()], 1)
    // The declaration says that a record without a value deletes its key's row.
    const gone = users.shift()!
    await send([{ name: 'delete', key: bytes(gone.id!), value: null, code: null }], 0)
    await caughtUp(scene.readers)

    const expected = new Map([...all, ...many].map(each => [each.name, each]))
    const bad = (await readTopic()).filter(({ headers }) => expected.get(String(headers.get('case')))?.code != null)
    const letters = await scene.letters()
    expect(letters.map(({ key }) => String(key)).sort()).toEqual(
      bad.map(({ partition, offset }) => `users/spark_stream|${topic}|${partition}|${offset}`).sort(),
    )
    const codeOf = ({ headers }: TopicRecord) => String(headers.get('millrace.code'))
    const byId = new Map(letters.map(letter => [String(letter.key), letter]))
    const idOf = ({ partition, offset }: TopicRecord) => `users/spark_stream|${topic}|${partition}|${offset}`
    const nameOf = ({ headers }: TopicRecord) => String(headers.get('case'))
    expect(new Map(bad.map(each => [nameOf(each), codeOf(byId.get(idOf(each))!)]))).toEqual(
      new Map(bad.map(each => [nameOf(each), expected.get(nameOf(each))!.code])),
    )
    for (const record of bad) {
      const { partition, offset, key, value, headers } = record
      const name = nameOf(record)
      const letter = byId.get(idOf(record))!
      const of = (header: string) => letter.headers.get(`millrace.${header}`)
      expect(String(of('reason')).length, name).toBeGreaterThan(10)
      expect(JSON.parse(String(of('origin'))), name).toMatchObject({ kind: 'topic', topic, partition, offset })
      expect(letter.value === null ? null : value?.equals(letter.value), name).toBe(value === null ? null : true)
      expect(of('key') === undefined ? null : key?.equals(of('key')!), name).toBe(key === null ? null : true)
      const kept = [...letter.headers].filter(([header]) => header.startsWith('original.'))
      expect(kept.length, name).toBe(headers.size)
      for (const [header, value] of kept) expect(value.equals(headers.get(header.slice(9))!), name).toBe(true)
    }

    const rows = await scene.readers.rows()
    const accepted = all.filter(({ code }) => code === null)
    expect(rows.size).toBe(users.length + accepted.length)
    for (const user of users) expect(rows.get(user.id!)?.values).toMatchObject(user)
    const exit = await worker.stop()
    expect(exit).toMatchObject({ code: 0, outcome: { kind: 'done' } })
  })

  it('those that can be read later are listed and replayed once, in their old place (G2, G5)', {
    timeout: 400_000,
  }, async () => {
    await open()
    const { registry } = engines()
    const encode = await userEncoding(registry.address, topic)
    const newer = await newerUsers(registry.address, topic)
    // Ids are given in turn.
    const highest = await register(registry.address, 'last-value', { type: 'fixed', name: 'Last', size: 7 })
    const worker = startWorker(scene.surroundings)
    const alone = userOf(0)
    const changed = userOf(1)
    const early = (user: SentUser): Poison => ({ ...good(user, encode), value: newer.encode(highest + 1, user) })
    const later: SentUser = { ...changed, first_name: 'later' }
    await send(
      [early(alone), early(changed), { ...good(alone, encode), value: bytes('never') }, good(later, encode)],
      3,
    )
    await caughtUp(scene.readers)
    expect(await list()).toMatchObject({ open: 3, replayed: 0 })
    expect((await scene.readers.rows()).size).toBe(1)

    expect(await newer.register()).toBe(highest + 1)
    const first = await tryMillrace(scene.surroundings, 'dlq', 'replay', '--all')
    expect(first.code).toBe(2)
    expect(first.lines.map(line => JSON.parse(line).kind)).toEqual(['replayed', 'replayed', 'failing'])
    await caughtUp(scene.readers)
    const rows = await scene.readers.rows()
    expect(rows.size).toBe(2)
    expect(rows.get(alone.id!)?.values).toMatchObject(alone)
    expect(rows.get(later.id!)?.values).toMatchObject(later)
    expect(await list()).toMatchObject({ open: 1, replayed: 2, deadLetters: [{ code: 'RECORD_UNDECODABLE' }] })

    const records = (await readTopic()).length
    const second = await tryMillrace(scene.surroundings, 'dlq', 'replay', '--all')
    expect(second.lines.map(line => JSON.parse(line).kind)).toEqual(['failing'])
    expect((await readTopic()).length).toBe(records)
    expect(await scene.readers.rows()).toEqual(rows)
    expect(await worker.stop()).toMatchObject({ code: 0, outcome: { kind: 'done' } })
  })

  async function list(): Promise<unknown> {
    return JSON.parse((await runMillrace(scene.surroundings, 'dlq', 'list', topic)).at(-1)!)
  }
})
