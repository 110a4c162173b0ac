import { join } from 'node:path'
import { Producer } from '@platformatic/kafka'
import avsc from 'avsc'
import { onTestFinished } from 'vitest'
import { openCassandraTables } from '../../../src/adapters/cassandra/table-store.ts'
import { type StageQuery, stageQuery } from '../../../src/adapters/spark/stage-query.ts'
import { systemClock, systemRandom } from '../../../src/adapters/system/clock.ts'
import { defaultStreamLimits } from '../../../src/engine/limits.ts'
import { runStream } from '../../../src/engine/stream.ts'
import type { StreamDeclaration } from '../../../src/engine/stream-batch.ts'
import { nextVersion } from '../../../src/engine/version.ts'
import { parseAvro } from '../../../src/plan/avro-schema.ts'
import { compile } from '../../../src/plan/compile.ts'
import { deadLetterTopicSettings, topicSettings } from '../../../src/plan/topic-settings.ts'
import type { Log } from '../../../src/ports/log.ts'
import { type WriterSchema, writerSchema } from '../../../src/ports/writer-schema.ts'
import { pipeline } from '../../../src/sdk/pipeline.ts'
import { table } from '../../../src/sdk/table.ts'
import { topic } from '../../../src/sdk/topic.ts'
import { t } from '../../../src/sdk/types.ts'
import type { RunningEngine } from '../../../src/stack/start-engine.ts'
import { registryOf } from '../../engine/codec-fixture.ts'
import { temporaryDirectory } from '../../support.ts'
import { configOf, execute, options } from '../cassandra/cluster.ts'
import type { Poison } from '../faults/poisons.ts'
import { Readers, type TopicRecord } from '../faults/readers.ts'
import { type SentUser, userColumns } from '../faults/sent-record.ts'
import { openTestLog } from '../kafka/support.ts'
import { relationSql } from './relation-sql.ts'
import type { SinkTask } from './spark.ts'

const partitions = 2

/** Ids of the topic's schema, of one that is not of users, and of one that no registry has; see `poisons`. */
export const schemaIds = { users: 1, other: 2, unknown: 2 ** 31 + 7 } as const

export interface Engines {
  readonly kafka: RunningEngine
  readonly cassandra: RunningEngine
}

/** The users pipeline's stream stage on a topic of its own, to be run on Node and on Spark, as one likes. */
export class UsersStage {
  readonly declaration: StreamDeclaration
  readonly readers: Readers
  readonly log: Log
  readonly #engines: Engines
  readonly #producer: Producer<Buffer, Buffer, Buffer, Buffer>
  readonly #registry
  readonly #writers: ReadonlyMap<number, WriterSchema>

  private constructor(
    declaration: StreamDeclaration,
    engines: Engines,
    log: Log,
    writers: ReadonlyMap<number, WriterSchema>,
  ) {
    const brokers = engines.kafka.address
    this.declaration = declaration
    this.log = log
    this.#engines = engines
    this.#registry = registryOfUsers(declaration)
    this.#writers = writers
    this.readers = new Readers({ brokers, contactPoint: engines.cassandra.address })
    this.#producer = new Producer({ clientId: 'users', bootstrapBrokers: [brokers], acks: -1 })
    onTestFinished(async () => {
      await this.readers.close()
      await this.#producer.close()
    })
  }

  /** @param deadLetters false leaves the dead-letter topic away */
  static async open(engines: Engines, deadLetters = true): Promise<UsersStage> {
    const declaration = declare(`users_${Math.random().toString(36).slice(2, 8)}`)
    const log = await openTestLog(engines.kafka.address)
    await log.admin.createTopic(topicSettings(declaration.topic))
    const reader = parseAvro(declaration.topic.avro).type
    const registry = registryOfUsers(declaration)
    const writers = new Map<number, WriterSchema>()
    for (const id of Object.values(schemaIds)) writers.set(id, await writerSchema(id, reader, registry))
    const stage = new UsersStage(declaration, engines, log, writers)
    if (deadLetters) await stage.createDeadLetterTopic()
    const tables = await openCassandraTables(configOf(engines.cassandra), options)
    await tables.admin.create(declaration.table)
    await tables.close()
    await stage.emptyTable()
    return stage
  }

  /** The same stage under another group and with another dead-letter topic. */
  async twin(): Promise<UsersStage> {
    const { stage, topic } = this.declaration
    const declaration = {
      ...this.declaration,
      stage: { ...stage, group: `${stage.group}.twin` },
      topic: { ...topic, deadLetterTopic: `${topic.deadLetterTopic}.twin` },
    }
    const twin = new UsersStage(declaration, this.#engines, this.log, this.#writers)
    await twin.createDeadLetterTopic()
    return twin
  }

  async createDeadLetterTopic(): Promise<void> {
    await this.log.admin.createTopic(deadLetterTopicSettings(this.declaration.topic))
  }

  async emptyTable(): Promise<void> {
    await execute(this.#engines.cassandra, 'TRUNCATE spark_streams.created_users')
  }

  readonly encode = (user: SentUser): Buffer => {
    const frame = Buffer.alloc(5)
    frame.writeUInt32BE(schemaIds.users, 1)
    const type = avsc.Type.forSchema(this.declaration.topic.avro as avsc.Schema)
    return Buffer.concat([frame, type.toBuffer(user)])
  }

  async send(records: readonly Omit<Poison, 'code'>[], partition: number): Promise<void> {
    const messages = records.map(({ key, value, headers = [] }) => ({
      topic: this.declaration.topic.name,
      ...(key !== null && { key }),
      ...(value !== null && { value }),
      partition,
      headers: new Map(headers.map(([name, value]) => [Buffer.from(name), value])),
    }))
    await this.#producer.send({ messages })
  }

  sendUsers(users: readonly SentUser[], partition = 0): Promise<void> {
    const records = users.map(user => ({ name: 'good', key: Buffer.from(user.id!), value: this.encode(user) }))
    return this.send(records, partition)
  }

  sendBad(values: readonly string[], partition = 0): Promise<void> {
    return this.send(
      values.map(value => ({ name: 'bad', key: null, value: Buffer.from(value) })),
      partition,
    )
  }

  /** Everything in the dead-letter topic, in the order of the records. */
  async letters(): Promise<readonly TopicRecord[]> {
    const { records } = await this.readers.readSettled(this.declaration.topic.deadLetterTopic, 0, 0)
    return records.toSorted((a, b) => (String(a.key) < String(b.key) ? -1 : 1))
  }

  async letterValues(): Promise<readonly string[]> {
    return (await this.letters()).map(({ value }) => String(value)).toSorted()
  }

  get #brokers() {
    return { 'kafka.bootstrap.servers': this.#engines.kafka.address }
  }

  /** Where the topic ends and where the group is, by partition. */
  async positions(): Promise<{ readonly ends: readonly number[]; readonly committed: readonly number[] }> {
    const { stage, topic } = this.declaration
    const committed = await this.readers.committed(stage.group, topic.name)
    const ends = await this.readers.ends(topic.name, partitions)
    return { ends, committed: ends.map((_, partition) => committed.get(partition) ?? 0) }
  }

  /** The versions that one reader of all records gives, by the record's key; of a key the last one. */
  async expectedVersions(): Promise<ReadonlyMap<string, number>> {
    const versions = new Map<string, number>()
    for (let partition = 0; partition < partitions; partition++) {
      let version = 0
      for (const { key, timestamp } of (await this.readers.read(this.declaration.topic.name, partition, 0)).records) {
        version = nextVersion(version, timestamp, Date.now())
        if (key !== null) versions.set(String(key), version)
      }
    }
    return versions
  }

  /** Runs the stage as a worker on Node does until it has done everything that is there, or until told. */
  async runOnNode(until: () => Promise<boolean> = () => this.#isDone()): Promise<void> {
    const tables = await openCassandraTables(configOf(this.#engines.cassandra), options)
    const drain = new AbortController()
    const stop = new AbortController()
    const running = runStream({
      declaration: this.declaration,
      ...{ log: this.log, registry: this.#registry as never, tables },
      ...{ clock: systemClock, random: systemRandom, logger: { log() {} } },
      ...{ limits: defaultStreamLimits, member: 'node', drain: drain.signal, stop: stop.signal },
      onState: () => {},
      onProgress: () => {},
    })
    try {
      while (!(await Promise.race([until(), running.then(() => true)])));
    } finally {
      drain.abort()
      await running
      await tables.close()
    }
  }

  async #isDone(): Promise<boolean> {
    const { ends, committed } = await this.positions()
    return ends.every((end, partition) => committed[partition]! >= end)
  }

  /** The stage as the processor starts it. */
  query(): StageQuery {
    const { stage, topic, table } = this.declaration
    const kafka = { ...this.#brokers, startingOffsets: 'earliest' }
    return stageQuery({ stage, topic, table, writers: this.#writers, kafka })
  }

  /** The stage as one query of Spark; each call has its own checkpoint. */
  task(more: Partial<SinkTask> = {}): SinkTask {
    const { stage, topic, table } = this.declaration
    const brokers = this.#brokers
    const query = this.query()
    return {
      mode: 'append',
      trigger: 'availableNow',
      source: { ...brokers, subscribe: topic.name, startingOffsets: 'earliest', includeHeaders: 'true' },
      sql: relationSql(query.relation),
      functions: query.functions,
      conf: query.settings,
      sink: {
        ...brokers,
        ...{ contactPoints: this.#engines.cassandra.address, localDataCenter: 'datacenter1' },
        ...{ table: `${table.keyspace}.${table.name}`, stage: `${stage.pipeline}/${stage.name}`, topic: topic.name },
        ...{ group: stage.group, deadLetters: 'true', deadLetterTopic: topic.deadLetterTopic },
      },
      checkpoint: join(temporaryDirectory(), 'checkpoint'),
      ...more,
    }
  }
}

function declare(name: string): StreamDeclaration {
  const text = Object.fromEntries(userColumns.slice(1).map(column => [column, t.text()]))
  const user = t.record('User', { id: t.uuid(), ...text })
  const users = topic(name, { key: 'id', value: user, partitions })
  const createdUsers = table('spark_streams.created_users', { row: user, primaryKey: ['id'] })
  const plan = compile(pipeline('users').stream(name, { from: users, into: createdUsers }))
  const stage = plan.stages.find(each => each.kind === 'stream')!
  return { stage, topic: plan.topics[0]!, table: plan.tables[0]!, map: null }
}

function registryOfUsers({ topic }: StreamDeclaration) {
  return registryOf([{ schema: topic.avro }, { schema: { type: 'int' } }])
}
