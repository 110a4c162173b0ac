import type { Page, PageRequest } from './paging.ts'

/**
 * Ordered, durable, partitioned records: Kafka, or the embedded log.
 *
 * Order is per partition. A record's partition is murmur2 of its key modulo the partition count, as Kafka's default
 * partitioner has it, so every adapter puts a key in the same place.
 */
export interface Log {
  /**
   * Opening a producer with the id of one still open, in any process, fences the earlier one: its next append
   * fails with `PRODUCER_FENCED`.
   */
  producer(id: string): Promise<Producer>
  /** Joins the group; leaves it on close. */
  subscribe(options: SubscribeOptions): Promise<Subscription>
  readonly admin: LogAdmin
  close(): Promise<void>
}

export interface Producer {
  /**
   * Resolves when every record is durable, in order per partition, and with it every commit of `commits`: all or
   * nothing. A failure with `outcome: 'unknown'` may be appended again by the same producer without a repeat.
   * @throws MillraceError `RECORD_TOO_LARGE` (place: index in `records`), `TOPIC_UNKNOWN`, `PRODUCER_FENCED`,
   *   `PARTITION_LOST` (the epoch of a commit is not the current one), `STORAGE_FULL`, …; nothing was appended unless the
   *   outcome is unknown.
   */
  append(records: readonly NewRecord[], commits?: readonly Commit[]): Promise<readonly Appended[]>
  close(): Promise<void>
}

/** Key and value take at most the topic's `maxRecordBytes`, with the headers at most 64 KiB more. */
export interface NewRecord {
  readonly topic: string
  readonly key: Uint8Array | null
  /** Null deletes the key. */
  readonly value: Uint8Array | null
  readonly headers?: Headers
  /** Overrides the partitioner. */
  readonly partition?: number
}

/** Names may repeat in Kafka; here the last one wins. */
export type Headers = { readonly [name: string]: Uint8Array }

/** One run of consecutive offsets that an append made. */
export interface Appended {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly count: number
}

export interface LogRecord {
  readonly offset: number
  /** Broker's append time, milliseconds since 1970 UTC; equal for all records of one append, and may step back. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: Headers | null
}

export interface SubscribeOptions {
  readonly group: string
  readonly topic: string
  /** Distinguishes the members of a group in lists; need not be unique. */
  readonly member: string
  /**
   * What the ids of producers begin with that commit for members of the group, before the member's name. What such a producer
   * has left half done is ended for the next owner of the partitions if its member is gone. Default: there are none.
   */
  readonly producers?: string
  /** A member silent for this long loses its partitions, in milliseconds. Default: as the log is configured, 10,000 if it is not. */
  readonly sessionTimeoutMs?: number
  /** How long a partition asked back may take to drain, in milliseconds. Default 5,000. */
  readonly drainTimeoutMs?: number
  /** Most bytes fetched ahead of `next`, over all partitions. Default 8 MiB. */
  readonly maxBufferedBytes?: number
}

/**
 * A member of a consumer group. The engine pulls: not calling `next` is back-pressure, and the membership is kept
 * alive meanwhile. Each assignment of a partition has an epoch, larger than any before it in the group.
 */
export interface Subscription {
  /**
   * The next thing that happened, or `idle` after `waitMs` without any. Batches come only from partitions that
   * were `seek`ed since they were assigned.
   */
  next(options: NextOptions): Promise<SubscriptionEvent>
  /** Where reading a partition starts or goes on. @throws MillraceError `PARTITION_LOST`. */
  seek(partition: number, offset: number): void
  /**
   * Records that everything before `next` is processed, with up to 4 KiB of text kept beside it.
   * @throws MillraceError `PARTITION_LOST` if `epoch` is not the current one: nothing was committed.
   */
  commit(partition: number, epoch: number, next: number, metadata: string): Promise<void>
  /** Gives up a partition after draining it; the answer to `revoking`. */
  release(partition: number): Promise<void>
  /** Leaves the group at once, releasing every partition. */
  close(): Promise<void>
}

export interface NextOptions {
  readonly maxRecords: number
  /** One record is taken, however large. */
  readonly maxBytes: number
  readonly waitMs: number
  readonly signal?: AbortSignal
}

export type SubscriptionEvent =
  | {
      readonly kind: 'assigned'
      readonly partition: number
      readonly epoch: number
      readonly committed: Committed | null
    }
  | Batch
  /**
   * Another member waits for these: finish what is in flight, then `release`, within `deadlineMs` from now. They give
   * no further batches.
   */
  | { readonly kind: 'revoking'; readonly partitions: readonly number[]; readonly deadlineMs: number }
  /** These belong to someone else already: forget what is in flight. */
  | { readonly kind: 'lost'; readonly partitions: readonly number[] }
  | { readonly kind: 'idle' }

/**
 * Records of one partition in order. Offsets leave out what retention or compaction took, and what is no record: in Kafka
 * the end of a transaction takes an offset. Where there is nothing else to read there are no records, and only `next` moves.
 */
export interface Batch {
  readonly kind: 'batch'
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  readonly records: readonly LogRecord[]
  /** The offset to go on from once these records are processed: at the end of the partition it is `end`. */
  readonly next: number
  /** The end of the partition's range, as the log said it with this batch. */
  readonly end: number
}

export interface Commit {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** The offset to go on from. */
  readonly next: number
  readonly metadata: string
  /**
   * Of the partition's assignment to a member that subscribed with the same `Log`: with another one than the current the
   * commit is refused. Left out where the group has no members, and in what is read.
   */
  readonly epoch?: number
}

export interface Committed {
  readonly next: number
  readonly metadata: string
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly retentionMs: number
  readonly maxRecordBytes: number
}

export interface PartitionRange {
  readonly partition: number
  /** The first offset still there. */
  readonly start: number
  /** The offset the next record will get, at least. */
  readonly end: number
}

export interface GroupDescription {
  readonly group: string
  readonly members: readonly { readonly member: string; readonly partitions: readonly number[] }[]
  readonly offsets: readonly Commit[]
}

/** What the console and the command line need. Safe to call from any process. */
export interface LogAdmin {
  /** @throws MillraceError `NAME_DUPLICATE` if it exists. */
  createTopic(spec: TopicSpec): Promise<void>
  /** Changes everything but the name; partitions can only grow. @throws MillraceError `PLAN_INCOMPATIBLE`, `TOPIC_UNKNOWN`. */
  alterTopic(spec: TopicSpec): Promise<void>
  topic(name: string): Promise<TopicSpec | null>
  topics(page?: PageRequest): Promise<Page<TopicSpec>>
  /** With everything in them that was appended before the call. @throws MillraceError `TOPIC_UNKNOWN`. */
  ranges(topic: string): Promise<readonly PartitionRange[]>
  /** The first offset at or after a time, per partition; the end where there is none. */
  offsetsAt(topic: string, timestamp: number): Promise<readonly { partition: number; offset: number }[]>
  /**
   * Records from `from` on without joining a group; waits up to `waitMs` for the first. An offset before the start
   * reads from the start.
   */
  read(topic: string, partition: number, from: number, options: NextOptions): Promise<readonly LogRecord[]>
  groups(page?: PageRequest): Promise<Page<GroupDescription>>
  committed(group: string, topic: string): Promise<readonly Commit[]>
  /** @throws MillraceError `RUN_STATE` while the group has members. */
  resetOffsets(commits: readonly Commit[]): Promise<void>
  /** Deletes records before an offset. */
  deleteRecords(topic: string, partition: number, before: number): Promise<void>
}
