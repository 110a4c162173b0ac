import type { TopicSpec } from '../../ports/log.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Cluster, TopicMetadata } from './cluster.ts'
import { maxBatchBytesOf, maxRecordBytesOf, retentionOf, specSettings, type TopicSettings } from './topic-settings.ts'

/** How long a topic's limits are taken for true, in milliseconds. */
const limitsAgeMs = 10_000

/** What a producer must know of a topic. */
export interface TopicLimits {
  readonly maxRecordBytes: number
  readonly maxBatchBytes: number
}

/** Settings by topic; topics that have gone meanwhile are missing. */
export async function describeSettings(
  cluster: Cluster,
  names: readonly string[],
): Promise<ReadonlyMap<string, TopicSettings>> {
  if (names.length === 0) return new Map()
  const { client, connections } = cluster
  const answer = await connections.send(
    await cluster.controller(),
    client.describeConfigsV3.api,
    names.map(name => ({
      resourceType: client.ConfigResourceTypes.TOPIC,
      resourceName: name,
      configurationKeys: [...specSettings],
    })),
    false,
    false,
  )
  return new Map(
    answer.results.map(({ resourceName, configs }) => [
      resourceName,
      Object.fromEntries(configs.map(({ name, value }) => [name, value ?? ''])),
    ]),
  )
}

export function specOf({ name, leaders, replication }: TopicMetadata, settings: TopicSettings): TopicSpec {
  return {
    name,
    partitions: leaders.length,
    replication,
    retentionMs: retentionOf(settings),
    maxRecordBytes: maxRecordBytesOf(settings),
  }
}

/** Remembers the limits of the topics a producer writes to. */
export class TopicLimitsCache {
  readonly #cluster: Cluster
  readonly #known = new Map<string, { readonly limits: TopicLimits; readonly at: number }>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async of(name: string): Promise<TopicLimits> {
    const now = this.#cluster.clock.elapsed()
    const known = this.#known.get(name)
    if (known !== undefined && now - known.at < limitsAgeMs) return known.limits
    const settings = (await describeSettings(this.#cluster, [name])).get(name)
    if (settings === undefined) throw new MillraceError('TOPIC_UNKNOWN', `There is no topic ${name}.`, { place: name })
    const limits = { maxRecordBytes: maxRecordBytesOf(settings), maxBatchBytes: maxBatchBytesOf(settings) }
    this.#known.set(name, { limits, at: now })
    return limits
  }
}
