import type { NewRecord } from '../../ports/log.ts'
import { partitionOf } from '../../ports/partitioner.ts'
import { checkRecordSize } from '../../ports/record-size.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { batchOverhead, recordBytes } from './record-batch.ts'
import type { TopicLimits } from './topics.ts'

/** Batches are no larger than this even where the topic takes more: a broker handles one as a whole. */
const largestBatchBytes = 1024 * 1024

/** What the records of an append are checked and divided by. */
export interface TopicShape extends TopicLimits {
  readonly name: string
  readonly partitions: number
}

/** The records of an append that go to one partition, in batches that the topic takes. */
export interface Share {
  readonly topic: string
  readonly partition: number
  readonly batches: readonly (readonly NewRecord[])[]
}

/**
 * @param keyless where records without a key go: all of an append to one partition, this modulo their number
 * @throws MillraceError `RECORD_TOO_LARGE`, `TOPIC_UNKNOWN`.
 */
export function toShares(
  records: readonly NewRecord[],
  topics: ReadonlyMap<string, TopicShape>,
  keyless: number,
): Share[] {
  const shares = new Map<string, Map<number, SharePacker>>()
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!
    const topic = topics.get(record.topic)!
    checkRecordSize(record, index, topic)
    const partition = choosePartition(record, topic, keyless)
    let partitions = shares.get(topic.name)
    if (partitions === undefined) {
      partitions = new Map()
      shares.set(topic.name, partitions)
    }
    let packer = partitions.get(partition)
    if (packer === undefined) {
      packer = new SharePacker(Math.min(topic.maxBatchBytes, largestBatchBytes))
      partitions.set(partition, packer)
    }
    packer.add(record)
  }
  return [...shares].flatMap(([topic, partitions]) =>
    [...partitions].map(([partition, packer]) => ({ topic, partition, batches: packer.batches })),
  )
}

class SharePacker {
  readonly batches: NewRecord[][] = []
  readonly #maxBytes: number
  #bytes = Number.POSITIVE_INFINITY

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(record: NewRecord): void {
    const bytes = recordBytes(record)
    if (this.#bytes + bytes > this.#maxBytes) {
      this.batches.push([])
      this.#bytes = batchOverhead
    }
    this.batches.at(-1)!.push(record)
    this.#bytes += bytes
  }
}

function choosePartition({ partition, key }: NewRecord, topic: TopicShape, keyless: number): number {
  if (partition === undefined) return key === null ? keyless % topic.partitions : partitionOf(key, topic.partitions)
  if (Number.isInteger(partition) && partition >= 0 && partition < topic.partitions) return partition
  throw new MillraceError('TOPIC_UNKNOWN', `Topic ${topic.name} has no partition ${partition}.`, {
    place: `${topic.name}[${partition}]`,
    fix: `Use one of 0 to ${topic.partitions - 1}.`,
  })
}
