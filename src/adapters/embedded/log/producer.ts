import type { Clock } from '../../../ports/clock.ts'
import type { Appended, Commit, NewRecord, Producer } from '../../../ports/log.ts'
import { partitionOf } from '../../../ports/partitioner.ts'
import { checkRecordSize } from '../../../ports/record-size.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { type EncodedBatch, encodeBatches } from './batch-format.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'
import { requireEpoch } from './group.ts'
import { closedError, type LogFile } from './log-file.ts'
import { storeOffset } from './offsets.ts'
import { deleteOldest } from './retention.ts'
import { requirePartition, requireTopic, type Topic } from './topics.ts'

/** The records of one append that go to one partition. */
interface Share {
  readonly topic: Topic
  readonly partition: number
  readonly count: number
  readonly batches: readonly EncodedBatch[]
}

export class EmbeddedProducer implements Producer {
  readonly #file: LogFile
  readonly #clock: Clock
  readonly #turns: EventLoopTurns
  readonly #id: string
  readonly #epoch: number
  /** Where records without a key go: to one partition an append, and to the next one with the next append. */
  #keyless = 0
  #closed = false

  constructor(file: LogFile, clock: Clock, turns: EventLoopTurns, id: string) {
    this.#file = file
    this.#clock = clock
    this.#turns = turns
    this.#id = id
    this.#epoch = file.write(
      () =>
        file.get<{ epoch: number }>(
          `INSERT INTO producers VALUES (?, 1) ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING epoch`,
          id,
        )!.epoch,
    )
  }

  async append(records: readonly NewRecord[], commits: readonly Commit[] = []): Promise<readonly Appended[]> {
    await this.#turns.take()
    if (this.#closed) throw closedError(`Producer ${this.#id}`)
    // Encoding is most of the work and needs no lock, but the topics must still be the same when the lock is held.
    for (;;) {
      const shares = this.#encode(records)
      const appended = this.#file.write(() => this.#store(shares, commits))
      if (appended !== null) {
        this.#keyless++
        return appended
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #encode(records: readonly NewRecord[]): Share[] {
    const topics = new Map<string, { topic: Topic; partitions: (NewRecord[] | undefined)[] }>()
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!
      let entry = topics.get(record.topic)
      if (entry === undefined) {
        entry = { topic: requireTopic(this.#file, record.topic), partitions: [] }
        topics.set(record.topic, entry)
      }
      checkRecordSize(record, index, entry.topic)
      const partition = this.#partition(record, entry.topic)
      const share = entry.partitions[partition]
      if (share === undefined) entry.partitions[partition] = [record]
      else share.push(record)
    }
    const shares: Share[] = []
    for (const { topic, partitions } of topics.values()) {
      for (const [partition, records] of partitions.entries()) {
        if (records === undefined) continue
        shares.push({ topic, partition, count: records.length, batches: encodeBatches(records) })
      }
    }
    return shares
  }

  #partition(record: NewRecord, topic: Topic): number {
    if (record.partition !== undefined) {
      requirePartition(topic, record.partition)
      return record.partition
    }
    return record.key === null ? this.#keyless % topic.partitions : partitionOf(record.key, topic.partitions)
  }

  /** Null, with nothing stored, if a topic has changed since the shares were made. */
  #store(shares: readonly Share[], commits: readonly Commit[]): Appended[] | null {
    this.#requireNewest()
    for (const { topic } of shares) {
      const now = requireTopic(this.#file, topic.name)
      if (now.partitions !== topic.partitions || now.maxRecordBytes !== topic.maxRecordBytes) return null
    }
    for (const { group, topic, partition, epoch } of commits) {
      if (epoch !== undefined) requireEpoch(this.#file, group, requireTopic(this.#file, topic), partition, epoch)
    }
    const timestamp = Math.trunc(this.#clock.now())
    const appended = shares.map(share => this.#storeShare(share, timestamp))
    for (const commit of commits) storeOffset(this.#file, commit)
    return appended
  }

  #storeShare({ topic, partition, count, batches }: Share, timestamp: number): Appended {
    const { end } = this.#file.get<{ end: number }>(
      'UPDATE partitions SET end_offset = end_offset + ? WHERE topic_id = ? AND partition = ? RETURNING end_offset AS "end"',
      count,
      topic.id,
      partition,
    )!
    const baseOffset = end - count
    let offset = baseOffset
    for (const batch of batches) {
      this.#file.run(
        `INSERT INTO batches (topic_id, partition, base_offset, next_offset, timestamp, data) VALUES (?, ?, ?, ?, ?, ?)`,
        topic.id,
        partition,
        offset,
        offset + batch.count,
        timestamp,
        batch.data,
      )
      offset += batch.count
    }
    deleteOldest(this.#file, topic.id, partition, timestamp - topic.retentionMs)
    return { topic: topic.name, partition, baseOffset, count }
  }

  #requireNewest(): void {
    const row = this.#file.get<{ epoch: number }>('SELECT epoch FROM producers WHERE id = ?', this.#id)
    if (row?.epoch === this.#epoch) return
    throw new MillraceError('PRODUCER_FENCED', `A newer producer ${this.#id} has taken over.`, {
      place: this.#id,
      fix: 'Stop this one; the newer one goes on with its work.',
    })
  }
}
