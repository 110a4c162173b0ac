import type { TopicPlan } from './plan.ts'

/** What a log is told to create, for a topic or its dead-letter topic. */
export interface TopicSettings {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly retentionMs: number
  readonly maxRecordBytes: number
}

const thirtyDays = 30 * 86_400_000
const fortyMiB = 40 * 1024 ** 2

export function topicSettings(topic: TopicPlan): TopicSettings {
  const { name, partitions, replication, retentionMs, maxRecordBytes } = topic
  return { name, partitions, replication, retentionMs, maxRecordBytes }
}

/**
 * One partition, since dead letters need no order among them; kept for at least 30 days, so that there is time to look;
 * and records of at least 40 MiB, since one that was too large for its topic has to fit whole: it came in a page of up to 32 MiB.
 */
export function deadLetterTopicSettings(topic: TopicPlan): TopicSettings {
  return {
    name: topic.deadLetterTopic,
    partitions: 1,
    replication: topic.replication,
    retentionMs: Math.max(topic.retentionMs, thirtyDays),
    maxRecordBytes: Math.max(2 * topic.maxRecordBytes, fortyMiB),
  }
}
