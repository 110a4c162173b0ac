import type {
  Commit,
  GroupDescription,
  LogAdmin,
  LogRecord,
  NextOptions,
  PartitionRange,
  TopicSpec,
} from '../../ports/log.ts'
import type { Page, PageRequest } from '../../ports/paging.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { type Cluster, unknownTopic } from './cluster.ts'
import { meaningOf } from './errors.ts'
import { commitOffsets, fetchOffsets, fetchStored, outsideOfGroup } from './group-offsets.ts'
import { describeGroups, listGroups } from './groups.ts'
import { offsetsFor, rangesOf, settledRangesOf } from './partition-offsets.ts'
import { readPartition } from './partition-read.ts'
import { toNewTopicSettings, toSettingsOf } from './topic-settings.ts'
import { describeSettings, specOf } from './topics.ts'

const defaultPageItems = 100
const maxPageItems = 1_000

export class KafkaLogAdmin implements LogAdmin {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async createTopic(spec: TopicSpec): Promise<void> {
    const { client, connections, settings } = this.#cluster
    const { name, partitions, replication } = spec
    const configs = Object.entries(toNewTopicSettings(spec)).map(([name, value]) => ({ name, value }))
    await this.#cluster.retrying(`create topic ${name}`, name, async () => {
      const topic = { name, numPartitions: partitions, replicationFactor: replication, assignments: [], configs }
      await connections.send(
        await this.#cluster.controller(),
        client.createTopicsV6.api,
        [topic],
        settings.connection.requestTimeout,
        false,
      )
    })
    await this.#untilPartitions(name, partitions)
  }

  async alterTopic(spec: TopicSpec): Promise<void> {
    const { name, partitions, replication } = spec
    await this.#cluster.retrying(`alter topic ${name}`, name, async () => {
      const found = await this.#cluster.findTopic(name)
      if (found === null) throw unknownTopic(name)
      if (partitions < found.leaders.length) {
        throw new MillraceError(
          'PLAN_INCOMPATIBLE',
          `Topic ${name} has ${found.leaders.length} partitions; it cannot go down to ${partitions}.`,
          { place: name, fix: `Declare ${found.leaders.length} partitions or more, or use a new topic.` },
        )
      }
      if (replication !== found.replication) {
        throw new MillraceError(
          'PLAN_INCOMPATIBLE',
          `Topic ${name} has ${found.replication} replicas of each partition, not ${replication}.`,
          { place: name, fix: `Declare ${found.replication} replicas, or move the partitions with Kafka's own tool.` },
        )
      }
      await this.#alterSettings(spec)
      if (partitions > found.leaders.length) await this.#addPartitions(name, partitions)
    })
    await this.#untilPartitions(name, partitions)
  }

  topic(name: string): Promise<TopicSpec | null> {
    return this.#cluster.retrying(`describe topic ${name}`, name, async () => {
      const found = await this.#cluster.findTopic(name)
      if (found === null) return null
      const settings = (await describeSettings(this.#cluster, [name])).get(name)
      return settings === undefined ? null : specOf(found, settings)
    })
  }

  topics(request: PageRequest = {}): Promise<Page<TopicSpec>> {
    return this.#cluster.retrying('list topics', 'topics', async () => {
      const all = (await this.#cluster.describeTopics(null)).filter(topic => !topic.internal)
      const { items, next } = page(request, all, topic => topic.name)
      const settings = await describeSettings(
        this.#cluster,
        items.map(topic => topic.name),
      )
      const specs = items.flatMap(topic => {
        const found = settings.get(topic.name)
        return found === undefined ? [] : [specOf(topic, found)]
      })
      return { items: specs, next }
    })
  }

  ranges(topic: string): Promise<readonly PartitionRange[]> {
    return this.#cluster.retrying(`read the ranges of ${topic}`, topic, async () => {
      // Partitions that were added a moment ago count.
      if ((await this.#cluster.findTopic(topic)) === null) await this.#cluster.topic(topic)
      return await settledRangesOf(this.#cluster, topic)
    })
  }

  offsetsAt(topic: string, timestamp: number): Promise<readonly { partition: number; offset: number }[]> {
    return this.#cluster.retrying(`look up a time in ${topic}`, topic, async () => {
      const ranges = await settledRangesOf(this.#cluster, topic)
      const found = await offsetsFor(this.#cluster, topic, BigInt(Math.max(0, Math.ceil(timestamp))))
      return ranges.map(({ partition, end }) => {
        const offset = found[partition] ?? -1
        return { partition, offset: offset < 0 ? end : offset }
      })
    })
  }

  read(topic: string, partition: number, from: number, options: NextOptions): Promise<readonly LogRecord[]> {
    return readPartition(this.#cluster, topic, partition, from, options)
  }

  groups(request: PageRequest = {}): Promise<Page<GroupDescription>> {
    return this.#cluster.retrying('list groups', 'groups', async () => {
      const { items, next } = page(request, await listGroups(this.#cluster), name => name)
      return { items: await describeGroups(this.#cluster, items), next }
    })
  }

  committed(group: string, topic: string): Promise<readonly Commit[]> {
    return this.#cluster.retrying(`read the offsets of ${group}`, group, async () => {
      const { leaders } = await this.#cluster.topic(topic)
      return await fetchOffsets(this.#cluster, group, { name: topic, partitions: [...leaders.keys()] })
    })
  }

  async resetOffsets(commits: readonly Commit[]): Promise<void> {
    for (const [group, ofGroup] of Map.groupBy(commits, commit => commit.group)) {
      await this.#cluster.retrying(`reset the offsets of ${group}`, group, async () => {
        try {
          await commitOffsets(this.#cluster, group, await this.#withEpochs(group, ofGroup), outsideOfGroup)
        } catch (thrown) {
          if (meaningOf(thrown)?.code !== 'PARTITION_LOST') throw thrown
          throw new MillraceError('RUN_STATE', `Group ${group} has members that are reading.`, {
            place: group,
            fix: 'Stop the stage first; a member that crashed counts until its session has timed out.',
            cause: thrown,
          })
        }
      })
    }
  }

  async deleteRecords(topic: string, partition: number, before: number): Promise<void> {
    const { client, connections, settings } = this.#cluster
    await this.#cluster.retrying(`delete records of ${topic}`, topic, async () => {
      const leader = await this.#cluster.leader(topic, partition)
      const { start, end } = (await settledRangesOf(this.#cluster, topic))[partition]!
      if (before > end) {
        throw new MillraceError('OFFSET_OUT_OF_RANGE', `${topic}[${partition}] ends at ${end}, before ${before}.`, {
          place: `${topic}[${partition}]@${before}`,
          fix: `Use an offset from ${start} to ${end}.`,
        })
      }
      if (before <= start) return
      const partitions = [{ partitionIndex: partition, offset: BigInt(before) }]
      const timeoutMs = settings.connection.requestTimeout
      await connections.send(leader, client.deleteRecordsV2.api, [{ name: topic, partitions }], timeoutMs)
    })
  }

  /** The epochs beside the offsets stay: the next owners' are larger. */
  async #withEpochs(group: string, commits: readonly Commit[]): Promise<readonly Commit[]> {
    const stored = await fetchStored(this.#cluster, group, null, false)
    return commits.map(commit => {
      const before = stored.find(({ topic, partition }) => topic === commit.topic && partition === commit.partition)
      return before === undefined || before.epoch === 0 ? commit : { ...commit, epoch: before.epoch }
    })
  }

  async #alterSettings(spec: TopicSpec): Promise<void> {
    const { client, connections } = this.#cluster
    const configs = Object.entries(toSettingsOf(spec)).map(([name, value]) => ({
      name,
      value,
      configOperation: client.IncrementalAlterConfigOperationTypes.SET,
    }))
    const resource = { resourceType: client.ConfigResourceTypes.TOPIC, resourceName: spec.name, configs }
    await connections.send(await this.#cluster.controller(), client.incrementalAlterConfigsV1.api, [resource], false)
  }

  async #addPartitions(name: string, count: number): Promise<void> {
    const { client, connections, settings } = this.#cluster
    await connections.send(
      await this.#cluster.controller(),
      client.createPartitionsV3.api,
      [{ name, count, assignments: null }],
      settings.connection.requestTimeout,
      false,
    )
  }

  /** Until the broker that is asked knows all partitions, each with a leader that knows it is. */
  async #untilPartitions(name: string, count: number): Promise<void> {
    await this.#cluster.retrying(`see topic ${name}`, name, async () => {
      const found = await this.#cluster.findTopic(name)
      const led = found?.leaders.filter(leader => leader >= 0).length ?? 0
      if (led < count) throw new this.#cluster.client.ProtocolError('LEADER_NOT_AVAILABLE')
      await rangesOf(this.#cluster, name)
    })
  }
}

/** One page of a list, by name. */
function page<T>(request: PageRequest, all: readonly T[], nameOf: (item: T) => string): Page<T> {
  const limit = Math.min(Math.max(1, request.limit ?? defaultPageItems), maxPageItems)
  const { after = '' } = request
  const found = all
    .filter(item => nameOf(item) > after)
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .slice(0, limit + 1)
  const items = found.slice(0, limit)
  return { items, next: found.length > limit ? nameOf(items.at(-1)!) : null }
}
