import { type StreamPlan, stageId, type TopicPlan } from '../plan/plan.ts'
import type { Batch, Commit, NewRecord, Producer } from '../ports/log.ts'
import type { Logger } from '../ports/logger.ts'
import { type Checkpoint, type Row, RowsRejected, type Table } from '../ports/table.ts'
import { MillraceError } from '../sdk/errors.ts'
import { type FailedRecord, toDeadLetterRecord } from './dead-letters.ts'
import type { StepTimer } from './progress.ts'
import { failedRecord, type ProcessedBatch } from './stream-batch.ts'

/** A partition that this member owns. */
export interface OwnedPartition {
  readonly partition: number
  readonly epoch: number
  /** The offset to go on from: everything before it is durable in the table or the dead-letter topic. */
  next: number
  /** Of the last record before `next`. */
  version: number
  /** Of the last record that was read. */
  readVersion: number
  /** Dead letters of offsets before this one are durable already. */
  deadLetteredTo: number
  /** What the log was last told. */
  committed: number
}

/** A batch that was processed and waits to be written. */
export interface PendingBatch {
  readonly batch: Batch
  readonly processed: ProcessedBatch
  readonly owned: OwnedPartition
  /** Where its partition stands once it is written. */
  readonly checkpoint: Checkpoint
}

export interface StreamWriterOptions {
  readonly stage: StreamPlan
  readonly topic: TopicPlan
  readonly table: Table
  /** Of the table's store. */
  readonly atomicCheckpoint: boolean
  readonly logger: Logger
  /** Opens the producer of dead letters; called when there is the first one. */
  readonly deadLetterProducer: () => Promise<Producer>
  readonly commit: (owned: OwnedPartition, checkpoint: Checkpoint) => Promise<void>
  /** Repeats work for as long as that can help. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>
}

/** Makes processed batches durable, in the order that loses and repeats nothing: rows, dead letters, checkpoint. */
export class StreamWriter {
  readonly #options: StreamWriterOptions
  #deadLetters: Producer | null = null

  constructor(options: StreamWriterOptions) {
    this.#options = options
  }

  /**
   * Writes batches of several partitions at once and returns how many of their records became dead letters. Without failures
   * rows and checkpoints are one write. With some, the rows go first, under the checkpoints there were: only then is it
   * known which of them the table rejects, and the dead letters must be complete before a checkpoint passes them.
   *
   * @throws MillraceError `PARTITION_LOST` if one of the partitions has a newer owner; writing the others again is safe.
   */
  async write(batches: readonly PendingBatch[], timer: StepTimer): Promise<number> {
    const { table, atomicCheckpoint, persist, commit } = this.#options
    const rows = batches.flatMap(({ processed }) => processed.rows)
    const checkpoints = [...lastOfEach(batches).values()].map(({ checkpoint }) => checkpoint)
    const known = batches.flatMap(({ processed }) => processed.failed)
    if (known.length === 0 && (await this.#writeAll(rows, checkpoints))) {
      timer.lap('sink')
      if (!atomicCheckpoint)
        for (const { owned, checkpoint } of lastOfEach(batches).values()) await commit(owned, checkpoint)
      timer.lap('commit')
      advance(batches)
      return 0
    }
    const failed = [...known, ...(await this.#writeAccepted(batches))]
    timer.lap('sink')
    await this.#deadLetter(batches, failed)
    if (atomicCheckpoint) await persist(() => table.write([], ...checkpoints))
    timer.lap('commit')
    advance(batches)
    return failed.length
  }

  async close(): Promise<void> {
    await this.#deadLetters?.close()
  }

  /** False, with nothing stored for certain, if the table rejects some of the rows. */
  async #writeAll(rows: readonly Row[], checkpoints: readonly Checkpoint[]): Promise<boolean> {
    const { table, persist } = this.#options
    try {
      await persist(() => table.write(rows, ...checkpoints))
      return true
    } catch (thrown) {
      if (thrown instanceof RowsRejected) return false
      throw thrown
    }
  }

  /** Writes the rows that the table takes, with no checkpoint moved, and returns those it rejects. */
  async #writeAccepted(batches: readonly PendingBatch[]): Promise<FailedRecord[]> {
    const { table, persist } = this.#options
    const standing = [...lastOfEach(batches).values()].map(({ owned, checkpoint }) => ({
      ...checkpoint,
      ...{ next: owned.next, version: owned.version },
    }))
    const failed: FailedRecord[] = []
    let pending = batches.flatMap(({ batch, processed }) =>
      processed.rows.map((row, index) => ({ row, batch, source: processed.sources[index]! })),
    )
    for (;;) {
      try {
        const rows = pending.map(({ row }) => row)
        await persist(() => table.write(rows, ...standing))
        return failed
      } catch (thrown) {
        if (!(thrown instanceof RowsRejected)) throw thrown
        const rejected = new Map(thrown.rows.map(({ index, error }) => [index, error]))
        for (const [index, error] of rejected) {
          const { row, batch, source } = pending[index]!
          failed.push(failedRecord(batch, source, row.version, error))
        }
        pending = pending.filter((_, index) => !rejected.has(index))
      }
    }
  }

  /** A producer that is fenced is replaced: no other has its id, so it was the log that gave up an append in an outage. */
  async #append(records: readonly NewRecord[], commits: readonly Commit[]): Promise<void> {
    this.#deadLetters ??= await this.#options.deadLetterProducer()
    try {
      await this.#deadLetters.append(records, commits)
    } catch (thrown) {
      if (!(thrown instanceof MillraceError && thrown.code === 'PRODUCER_FENCED')) throw thrown
      await this.#deadLetters.close()
      this.#deadLetters = null
      throw new MillraceError('LOG_FAILED', 'The log has given up an append of dead letters.', { cause: thrown })
    }
  }

  /** Appends the dead letters that are not durable yet, together with the note of how far they are (G5). */
  async #deadLetter(batches: readonly PendingBatch[], failed: readonly FailedRecord[]): Promise<void> {
    const { stage, topic, atomicCheckpoint, logger, persist } = this.#options
    const last = lastOfEach(batches)
    const fresh = failed.filter(
      ({ origin }) => origin.kind === 'topic' && origin.offset >= last.get(origin.partition)!.owned.deadLetteredTo,
    )
    // After a crash a batch may end before the mark: it must not go back.
    const markOf = ({ owned, checkpoint }: PendingBatch) => Math.max(owned.deadLetteredTo, checkpoint.next)
    const commits = [...last.values()].flatMap(each => {
      const { owned, checkpoint } = each
      const mark = { ...checkpoint, next: markOf(each) }
      if (!atomicCheckpoint) return [toCommit(stage.group, mark, owned.epoch)]
      // The group of the marks has no members. What stands is committed too, because only the partition's owner can.
      const standing = { ...checkpoint, next: owned.next, version: owned.version }
      return [toCommit(deadLetterGroup(stage.group), mark), toCommit(stage.group, standing, owned.epoch)]
    })
    const records = fresh.map(each => toDeadLetterRecord(topic.deadLetterTopic, stageId(stage), each))
    await persist(() => this.#append(records, commits))
    for (const each of last.values()) {
      each.owned.deadLetteredTo = markOf(each)
      each.owned.committed = atomicCheckpoint ? each.owned.next : each.checkpoint.next
    }
    const [first] = fresh
    if (first === undefined) return
    logger.log('warn', `${fresh.length} dead letters to ${topic.deadLetterTopic}: ${first.error.message}`, {
      code: first.error.code,
    })
  }
}

/** The newest batch of each partition, by partition. */
function lastOfEach(batches: readonly PendingBatch[]): ReadonlyMap<number, PendingBatch> {
  return new Map(batches.map(each => [each.owned.partition, each]))
}

function advance(batches: readonly PendingBatch[]): void {
  for (const { owned, checkpoint } of batches) {
    owned.next = checkpoint.next
    owned.version = checkpoint.version
  }
}

/** Holds how far a stage's dead letters are durable, beside the stage's own group. */
export function deadLetterGroup(group: string): string {
  return `${group}.dead-letters`
}

function toCommit(group: string, { topic, partition, next, version }: Checkpoint, epoch?: number): Commit {
  return { group, topic, partition, next, metadata: commitMetadata(version), ...(epoch !== undefined && { epoch }) }
}

/** Kept with a commit, so that versions go on from it where the table keeps no checkpoint. */
export function commitMetadata(version: number): string {
  return JSON.stringify({ version })
}
