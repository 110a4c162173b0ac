import { Admin } from '@platformatic/kafka'
import cassandra from 'cassandra-driver'
import { expect, onTestFinished } from 'vitest'
import type { TargetConfig } from '../../../src/sdk/config.ts'
import { temporaryDirectory } from '../../support.ts'
import {
  checkCommitsBehind,
  checkDeadLetters,
  checkNewestWins,
  checkNoCommitWentBack,
  checkNothingLostOrAdded,
  checkTopic,
  entriesBefore,
} from './checks.ts'
import { type Load, type LoadOptions, type Sent, startLoad } from './load.ts'
import { Readers, type TopicRecord } from './readers.ts'
import { defaultMix } from './sent-record.ts'
import { TopicView } from './topic-view.ts'
import { userEncoding } from './user-encoding.ts'
import {
  caughtUp,
  deadLetterTopic,
  group,
  partitions,
  runMillrace,
  type Surroundings,
  topic,
  until,
} from './workers.ts'

/** The users pipeline applied to engines that know nothing of it yet, a load for it, and readers of all it does. */
export class Scene {
  readonly surroundings: Surroundings
  readonly readers: Readers
  readonly #brokers: string
  readonly #registry: string
  #view: TopicView | null = null
  #letters: TopicRecord[] = []
  #lettersNext = 0
  #checkedTo: ReadonlyMap<number, number> = new Map()

  constructor(surroundings: Surroundings, addresses: Addresses) {
    this.surroundings = surroundings
    this.#brokers = addresses.brokers
    this.#registry = addresses.registry
    this.readers = new Readers(addresses)
    onTestFinished(() => this.readers.close())
  }

  /** One load a scene. */
  async startLoad(options: Pick<LoadOptions, 'seed' | 'rate'> & Partial<LoadOptions>): Promise<Load> {
    const { seed, mix = defaultMix } = options
    const encode = await userEncoding(this.#registry, topic)
    this.#view = new TopicView({ topic, partitions, seed, mix, encode })
    return startLoad({ brokers: this.#brokers, registry: this.#registry, topic, ...options })
  }

  /**
   * What has to be true at any moment, of what is new since the last call: commits did not go back (G7), and what they say
   * is done is in the table and the dead-letter topic (G3).
   */
  async checkCommits(): Promise<ReadonlyMap<number, number>> {
    const { readers } = this
    const view = this.#view!
    const committed = await readers.committed(group, topic)
    checkNoCommitWentBack(this.#checkedTo, committed)
    await view.readOn(readers)
    const fresh = entriesBefore(view, committed, this.#checkedTo)
    const rows = await readers.rowsOf(fresh.map(({ sent }) => sent.id))
    const letters = new Set((await this.letters()).map(({ key }) => String(key)))
    // Rows may be of records that came after the topic was read.
    await view.readOn(readers)
    checkCommitsBehind(view, committed, rows, letters, this.#checkedTo)
    this.#checkedTo = committed
    return committed
  }

  /** Ends the load, waits until the workers have committed all of it, and checks everything. */
  async finish(load: Load, timeoutMs?: number): Promise<Sent> {
    const view = this.#view!
    const sent = await load.stop()
    await caughtUp(this.readers, timeoutMs)
    await this.checkCommits()
    checkTopic(view, sent)
    const rows = await this.readers.rows()
    checkNothingLostOrAdded(view, rows)
    checkNewestWins(view, rows)
    checkDeadLetters(view, await this.letters())
    expect(rows.size).toBeGreaterThan(0)
    return sent
  }

  /** All dead letters there are. */
  async letters(): Promise<readonly TopicRecord[]> {
    const { records, next } = await this.readers.readSettled(deadLetterTopic, 0, this.#lettersNext)
    this.#letters.push(...records)
    this.#lettersNext = next
    return this.#letters
  }
}

interface Addresses {
  readonly brokers: string
  readonly registry: string
  readonly contactPoint: string
}

/** Removes what an earlier scene left on the engines, and applies the pipeline. */
export async function openScene(target: TargetConfig): Promise<Scene> {
  const { log, registry, table } = target
  if (log.adapter !== 'kafka' || registry.adapter !== 'schema-registry' || table.adapter !== 'cassandra') {
    throw new Error('A scene needs Kafka, a registry and Cassandra.')
  }
  const addresses = { brokers: log.brokers[0]!, registry: registry.url, contactPoint: table.contactPoints[0]! }
  await clear(addresses)
  const surroundings = { target, statePath: temporaryDirectory() }
  await runMillrace(surroundings, 'apply', 'users')
  return new Scene(surroundings, addresses)
}

async function clear({ brokers, contactPoint }: Addresses): Promise<void> {
  const admin = new Admin({ clientId: 'clear', bootstrapBrokers: [brokers] })
  const client = new cassandra.Client({ contactPoints: [contactPoint], localDataCenter: 'datacenter1' })
  try {
    const topics = (await admin.listTopics()).filter(name => name === topic || name === deadLetterTopic)
    if (topics.length > 0) await admin.deleteTopics({ topics })
    // Members that were killed are in it until their sessions are over.
    await until(
      `group ${group} is gone`,
      async () => {
        if (!(await admin.listGroups({ types: ['classic', 'consumer'] })).has(group)) return true
        return admin.deleteGroups({ groups: [group] }).then(
          () => true,
          () => false,
        )
      },
      gone => gone,
    )
    await client.execute('DROP KEYSPACE IF EXISTS spark_streams', [], { readTimeout: 60_000 })
  } finally {
    await Promise.allSettled([admin.close(), client.shutdown()])
  }
}
