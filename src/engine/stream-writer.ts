import { type StreamPlan, stageId, type TopicPlan } from '../plan/plan.ts'
import type { Batch, Commit, NewRecord, Producer } from '../ports/log.ts'
import type { Logger } from '../ports/logger.ts'
import { type Checkpoint, RowsRejected, type Table } from '../ports/table.ts'
import { MillraceError } from '../sdk/errors.ts'
import { type FailedRecord, toDeadLetterRecord } from './dead-letters.ts'
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

/** Where a partition stands once some of its records are done with. */
export interface Standing {
  readonly owned: OwnedPartition
  readonly checkpoint: Checkpoint
}

/** A batch that was processed and waits to be written. */
export interface PendingBatch extends Standing {
  readonly batch: Batch
  readonly processed: ProcessedBatch
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
  readonly commit: (standing: Standing) => Promise<void>
  /** Repeats work for as long as that can help. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>
}

/**
 * Makes processed batches durable, in the order that loses and repeats nothing: rows, dead letters, checkpoint. `write` is
 * the first of these steps, `settle` the others.
 */
export class StreamWriter {
  readonly #options: StreamWriterOptions
  #deadLetters: Producer | null = null

  constructor(options: StreamWriterOptions) {
    this.#options = options
  }

  /**
   * Writes the rows of batches of several partitions at once, and returns which of their records have to become dead
   * letters. If none have, a table that can has stored the checkpoints together with the rows.
   *
   * @throws MillraceError `PARTITION_LOST` if one of the partitions has a newer owner; writing the others again is safe.
   */
  async write(batches: readonly PendingBatch[]): Promise<readonly FailedRecord[]> {
    const { persist, table } = this.#options
    const failed = batches.flatMap(({ processed }) => processed.failed)
    let rows = batches.flatMap(({ processed }) => processed.rows)
    let sources = batches.flatMap(({ processed }) => processed.sources)
    for (;;) {
      try {
        await persist(() => table.write(rows, ...this.#checkpointsWith(batches, failed)))
        return failed
      } catch (thrown) {
        if (!(thrown instanceof RowsRejected)) throw thrown
        const rejected = new Map(thrown.rows.map(({ index, error }) => [index, error]))
        for (const [index, error] of rejected) {
          const source = sources[index]!
          const { batch } = batches.find(({ processed }) => processed.sources.includes(source))!
          failed.push(failedRecord(batch, source, rows[index]!.version, error))
        }
        rows = rows.filter((_, index) => !rejected.has(index))
        sources = sources.filter((_, index) => !rejected.has(index))
      }
    }
  }

  /**
   * Makes the dead letters durable and then the checkpoints, of writes that are through.
   *
   * @param standings in the order of their partitions' records
   * @param failed what `write` returned
   * @throws MillraceError `PARTITION_LOST` as `write` does; settling the others again is safe.
   */
  async settle(standings: readonly Standing[], failed: readonly FailedRecord[]): Promise<void> {
    const { table, atomicCheckpoint, persist, commit } = this.#options
    const last = [...lastOfEach(standings).values()]
    if (failed.length > 0) await this.#deadLetter(standings, failed)
    if (failed.length > 0 || !atomicCheckpoint) {
      await persist(() => table.write([], ...last.map(({ checkpoint }) => checkpoint)))
    }
    if (!atomicCheckpoint) await Promise.all(last.map(commit))
    for (const { owned, checkpoint } of last) {
      owned.next = checkpoint.next
      owned.version = checkpoint.version
    }
  }

  async close(): Promise<void> {
    await this.#deadLetters?.close()
  }

  /**
   * What a table takes together with rows. While some records are yet to become dead letters the checkpoints stay where they
   * are: they must not pass those.
   */
  #checkpointsWith(batches: readonly PendingBatch[], failed: readonly FailedRecord[]): readonly Checkpoint[] {
    if (!this.#options.atomicCheckpoint) return []
    return [...lastOfEach(batches).values()].map(({ owned, checkpoint }) =>
      failed.length === 0 ? checkpoint : { ...checkpoint, next: owned.next, version: owned.version },
    )
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
  async #deadLetter(standings: readonly Standing[], failed: readonly FailedRecord[]): Promise<void> {
    const { stage, topic, atomicCheckpoint, logger, persist } = this.#options
    const last = lastOfEach(standings)
    const fresh = failed.filter(
      ({ origin }) => origin.kind === 'topic' && origin.offset >= last.get(origin.partition)!.owned.deadLetteredTo,
    )
    // After a crash a batch may end before the mark: it must not go back.
    const markOf = ({ owned, checkpoint }: Standing) => Math.max(owned.deadLetteredTo, checkpoint.next)
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

/** The last of each partition, by partition. */
function lastOfEach(standings: readonly Standing[]): ReadonlyMap<number, Standing> {
  return new Map(standings.map(each => [each.owned.partition, each]))
}

/** Whether a partition went to another member. */
export function isPartitionLost(thrown: unknown): boolean {
  return thrown instanceof MillraceError && thrown.code === 'PARTITION_LOST'
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
