import type { LogRecord } from '../../../ports/log.ts'
import { BatchReader, corrupt, Intake } from './batch-format.ts'
import type { LogFile } from './log-file.ts'
import type { Topic } from './topics.ts'

/** What one read found: records from the reader's position on, and what the partition held at that moment. */
export interface PartitionRead {
  readonly records: readonly LogRecord[]
  readonly start: number
  readonly end: number
}

interface StoredRead {
  start_offset: number
  end_offset: number
  base_offset: number | null
  next_offset: number | null
  timestamp: number | null
  data: Uint8Array | null
}

// One statement, so that range and batch are of one moment.
const nextStored = `
  SELECT p.start_offset, p.end_offset, b.base_offset, b.next_offset, b.timestamp, b.data
  FROM partitions p LEFT JOIN batches b ON b.id = (
    SELECT id FROM batches
    WHERE topic_id = ?1 AND partition = ?2 AND next_offset > ?3
    ORDER BY next_offset LIMIT 1
  )
  WHERE p.topic_id = ?1 AND p.partition = ?2`

const range = 'SELECT start_offset, end_offset FROM partitions WHERE topic_id = ? AND partition = ?'

/** Reads one partition forwards. Keeps what is left of the last stored batch, and nothing more, between reads. */
export class PartitionReader {
  readonly #file: LogFile
  readonly #topic: Topic
  readonly #partition: number
  #position: number
  #batch: BatchReader | null = null

  constructor(file: LogFile, topic: Topic, partition: number, position: number) {
    this.#file = file
    this.#topic = topic
    this.#partition = partition
    this.#position = position
  }

  /** The offset of the next record to read. */
  get position(): number {
    return this.#position
  }

  /** Whether a part of a stored batch waits in memory. */
  get hasRemainder(): boolean {
    return this.#batch !== null
  }

  /**
   * No records if there are none yet, or if the position is outside the range. What is left of a stored batch is
   * handed out before the next one is fetched, so that readers of several partitions can take turns.
   * @throws MillraceError `LOG_CORRUPT`.
   */
  read(limits: { readonly maxRecords: number; readonly maxBytes: number }): PartitionRead {
    const intake = new Intake(limits)
    if (this.#batch !== null) {
      this.#take(this.#batch, intake)
      const now = this.#file.get<StoredRead>(range, this.#topic.id, this.#partition)!
      return { records: intake.records, start: now.start_offset, end: now.end_offset }
    }
    for (;;) {
      const stored = this.#file.get<StoredRead>(nextStored, this.#topic.id, this.#partition, this.#position)!
      const { start_offset: start, end_offset: end } = stored
      if (stored.data === null || this.#position < start || !this.#take(this.#open(stored), intake)) {
        return { records: intake.records, start, end }
      }
    }
  }

  #open(stored: StoredRead): BatchReader {
    const place = `${this.#topic.name}[${this.#partition}]@${stored.base_offset}`
    if (stored.base_offset! > this.#position) throw corrupt(place, `Records from ${this.#position} on are missing`)
    const batch = new BatchReader(stored.data!, stored.base_offset!, stored.next_offset!, stored.timestamp!, place)
    batch.skipTo(this.#position)
    return batch
  }

  /** Whether the intake takes more. */
  #take(batch: BatchReader, intake: Intake): boolean {
    const more = batch.take(intake)
    this.#position = batch.offset
    this.#batch = batch.exhausted ? null : batch
    return more
  }
}
