import type { Broker } from '@platformatic/kafka'
import type { Clock, Random } from '../../ports/clock.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { KafkaClient } from './client.ts'
import { Connections } from './connections.ts'
import { isTransient, meaningOf, toMillraceError } from './errors.ts'
import type { KafkaSettings } from './settings.ts'

/** How long a close waits for brokers to answer, in milliseconds: what they are not told, they find out. */
const goodbyeMs = 2_000
/** For how long what brokers said of topics and leaders is taken for true, in milliseconds. */
const metadataAgeMs = 10_000
/** How long a topic may be unknown before it is believed not to exist: brokers learn of a new one at different times. */
const topicPropagationMs = 500
const firstPauseMs = 5
const longestPauseMs = 500

export interface TopicMetadata {
  readonly name: string
  readonly internal: boolean
  readonly replication: number
  /** Node of the leader by partition; -1 while there is none. */
  readonly leaders: readonly number[]
}

interface Known<T> {
  readonly value: T
  /** On the clock's `elapsed`. */
  readonly at: number
}

type CoordinatorKind = 'group' | 'transaction'

/** Who leads what, and one way to try again. Shared by everything that one `Log` opens. */
export class Cluster {
  readonly client: KafkaClient
  readonly settings: KafkaSettings
  readonly clock: Clock
  /** For requests that are answered at once. */
  readonly connections: Connections
  readonly #random: Random
  readonly #topics = new Map<string, Known<TopicMetadata>>()
  readonly #coordinators = new Map<string, Broker>()
  readonly #closing = new AbortController()
  #brokers = new Map<number, Broker>()
  #controller = -1

  constructor(client: KafkaClient, settings: KafkaSettings, clock: Clock, random: Random) {
    this.client = client
    this.settings = settings
    this.clock = clock
    this.#random = random
    this.connections = new Connections(client, settings)
  }

  /** Opens connections of their own for one purpose; the caller closes them. */
  connect(requestTimeoutMs?: number): Connections {
    return new Connections(this.client, this.settings, requestTimeoutMs)
  }

  async topic(name: string): Promise<TopicMetadata> {
    const known = this.#topics.get(name)
    if (known !== undefined && this.clock.elapsed() - known.at < metadataAgeMs) return known.value
    const startedAt = this.clock.elapsed()
    for (;;) {
      const found = await this.findTopic(name)
      if (found !== null) return found
      if (this.clock.elapsed() - startedAt > topicPropagationMs) throw unknownTopic(name)
      await this.clock.sleep(50, this.#closing.signal)
    }
  }

  /** Asks the brokers; null if there is none of this name now. */
  async findTopic(name: string): Promise<TopicMetadata | null> {
    try {
      const [found] = await this.describeTopics([name])
      return found ?? null
    } catch (error) {
      const code = meaningOf(error)?.code
      if (code === 'TOPIC_UNKNOWN' || code === 'NAME_INVALID') return null
      throw error
    }
  }

  /** Asks the brokers. @param names null for every topic */
  async describeTopics(names: readonly string[] | null): Promise<readonly TopicMetadata[]> {
    const connection = await this.#anyBroker()
    const answer = await this.client.metadataV10.api.async(connection, names === null ? null : [...names], false)
    this.#brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    this.#controller = answer.controllerId
    const topics = answer.topics.map(({ name, isInternal, partitions }) => ({
      name: name ?? '',
      internal: isInternal,
      replication: partitions[0]?.replicaNodes.length ?? 0,
      leaders: partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(each => each.leaderId),
    }))
    const at = this.clock.elapsed()
    for (const topic of topics) this.#topics.set(topic.name, { value: topic, at })
    return topics
  }

  /** @throws MillraceError `TOPIC_UNKNOWN`, also for a partition that the topic does not have. */
  async leader(topic: string, partition: number): Promise<Broker> {
    const { leaders } = await this.topic(topic)
    const node = leaders[partition]
    if (node === undefined || !Number.isInteger(partition)) {
      throw new MillraceError('TOPIC_UNKNOWN', `Topic ${topic} has no partition ${partition}.`, {
        place: `${topic}[${partition}]`,
        fix: `Use one of 0 to ${leaders.length - 1}.`,
      })
    }
    return this.#broker(node)
  }

  async coordinator(kind: CoordinatorKind, id: string): Promise<Broker> {
    const known = this.#coordinators.get(`${kind} ${id}`)
    if (known !== undefined) return known
    const { GROUP, TRANSACTION } = this.client.FindCoordinatorKeyTypes
    const connection = await this.#anyBroker()
    const answer = await this.client.findCoordinatorV3.api.async(connection, kind === 'group' ? GROUP : TRANSACTION, [
      id,
    ])
    const [found] = answer.coordinators
    if (found === undefined) throw new this.client.ProtocolError('COORDINATOR_NOT_AVAILABLE')
    const broker = { host: found.host, port: found.port }
    this.#coordinators.set(`${kind} ${id}`, broker)
    return broker
  }

  async controller(): Promise<Broker> {
    await this.describeTopics([])
    return this.#broker(this.#controller)
  }

  async brokers(): Promise<readonly Broker[]> {
    await this.describeTopics([])
    return [...this.#brokers.values()]
  }

  /** Whether the brokers have groups of the newer protocol (KIP-848); a cluster has them, or not, as a whole. */
  async hasConsumerGroups(): Promise<boolean> {
    const connection = await this.#anyBroker()
    const answer = await this.client.apiVersionsV3.api.async(connection, 'millrace', '1')
    const feature = answer.finalizedFeatures?.find(({ name }) => name === 'group.version')
    return feature !== undefined && feature.maxVersionLevel >= 1
  }

  /** Forgets leaders and coordinators, so that they are asked for again. */
  forget(): void {
    this.#topics.clear()
    this.#coordinators.clear()
  }

  /**
   * Does the work again while its failure is of the kind that passes, up to the configured time.
   * @param doing goes after «could not» in the error
   */
  async retrying<T>(doing: string, place: string, work: () => Promise<T>): Promise<T> {
    const startedAt = this.clock.elapsed()
    for (let failures = 0; ; failures++) {
      try {
        return await work()
      } catch (thrown) {
        if (meaningOf(thrown)?.stale === true) this.forget()
        const over = this.clock.elapsed() - startedAt > this.settings.retryMs || this.#closing.signal.aborted
        if (over || !isTransient(thrown)) throw toMillraceError(thrown, doing, place)
      }
      await this.pause(failures)
    }
  }

  /** Twice as long after each failure, from `firstMs` on. */
  async pause(failures: number, firstMs = firstPauseMs): Promise<void> {
    const step = Math.min(longestPauseMs, firstMs * 2 ** Math.min(failures, 10))
    await this.clock.sleep(step / 2 + (this.#random.next() * step) / 2, this.#closing.signal)
  }

  /** Resolves when the work has ended in any way, and at the latest when a close has waited long enough. */
  async briefly(work: Promise<unknown>): Promise<void> {
    const ended = new AbortController()
    const waited = this.clock.sleep(goodbyeMs, ended.signal).catch(() => {})
    await Promise.race([work.catch(() => {}), waited])
    ended.abort()
  }

  async close(): Promise<void> {
    this.#closing.abort(closedError('The log'))
    await this.connections.close()
  }

  /** One that is known to be alive, or one of those configured. */
  async #anyBroker() {
    this.#closing.signal.throwIfAborted()
    return await this.connections.toAny([...this.settings.brokers, ...this.#brokers.values()])
  }

  #broker(node: number): Broker {
    const broker = this.#brokers.get(node)
    if (broker === undefined) throw new this.client.ProtocolError('LEADER_NOT_AVAILABLE')
    return broker
  }
}

export function unknownTopic(name: string): MillraceError {
  return new MillraceError('TOPIC_UNKNOWN', `There is no topic ${name}.`, {
    place: name,
    fix: 'Run `millrace apply` first.',
  })
}

export function closedError(what: string): MillraceError {
  return new MillraceError('INVARIANT_BROKEN', `${what} was used after it was closed.`)
}
