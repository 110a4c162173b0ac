import { stageId } from '../plan/plan.ts'
import type { Clock, Random } from '../ports/clock.ts'
import type { Batch, Commit, Committed, Log, Producer, Subscription } from '../ports/log.ts'
import type { Logger } from '../ports/logger.ts'
import type { StageProgress, StageState } from '../ports/processor.ts'
import type { SchemaRegistry } from '../ports/schema-registry.ts'
import { type Checkpoint, type Row, RowsRejected, type Table, type TableStore } from '../ports/table.ts'
import { MillraceError } from '../sdk/errors.ts'
import { persist } from './backoff.ts'
import { createDecoder } from './codec.ts'
import { type FailedRecord, toDeadLetterRecord } from './dead-letters.ts'
import type { StreamLimits } from './limits.ts'
import { StepTimer } from './progress.ts'
import {
  compileBatch,
  failedRecord,
  type ProcessBatch,
  type ProcessedBatch,
  type StreamDeclaration,
} from './stream-batch.ts'

export interface StreamOptions {
  readonly declaration: StreamDeclaration
  readonly log: Log
  readonly registry: SchemaRegistry
  readonly tables: TableStore
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: StreamLimits
  /** Unique among the members of the group. */
  readonly member: string
  /** Finish the batch in hand, commit, and return. */
  readonly drain: AbortSignal
  /** Return at once; what is in hand is redelivered at the next start. */
  readonly stop: AbortSignal
  readonly onState: (state: StageState, error: MillraceError | null) => void
  readonly onProgress: (progress: StageProgress) => void
}

/** A partition this member owns. */
interface OwnedPartition {
  readonly partition: number
  readonly epoch: number
  /** The offset to go on from: everything before it is durable in the table or the dead-letter topic. */
  next: number
  /** Of the last record before `next`. */
  version: number
  /** Dead letters of offsets before this one are durable already. */
  deadLetteredTo: number
  /** What the log was last told. */
  committed: number
}

/**
 * Runs a stream stage until it is drained or stopped: pull a batch of one partition, decode, transform, write the rows,
 * make the dead letters durable, and only then the checkpoint (G3).
 *
 * What a failure of the process leaves undone is done again at the next start, with the same versions, and changes nothing
 * twice: rows by their version, dead letters by their id. While the log, registry or table cannot be used the stage is
 * `paused` and tries again; it keeps its partitions meanwhile.
 *
 * @throws MillraceError that trying again cannot mend; the stage has failed.
 */
export async function runStream(options: StreamOptions): Promise<void> {
  const stage = new StreamStage(options)
  options.onState('starting', null)
  try {
    await stage.run()
  } catch (thrown) {
    if (!options.stop.aborted) throw thrown
  } finally {
    await stage.close()
  }
}

class StreamStage {
  readonly #options: StreamOptions
  readonly #name: string
  readonly #process: ProcessBatch
  readonly #owned = new Map<number, OwnedPartition>()
  #table: Table | null = null
  #subscription: Subscription | null = null
  #deadLetters: Producer | null = null
  #committedAt = 0

  constructor(options: StreamOptions) {
    const { declaration, registry, clock } = options
    this.#options = options
    this.#name = stageId(declaration.stage)
    const { topic } = declaration
    this.#process = compileBatch(declaration, createDecoder({ node: topic.value, avro: topic.avro, registry }), clock)
  }

  async run(): Promise<void> {
    const { declaration, log, tables, limits, member, drain, stop } = this.#options
    const { stage, topic, table } = declaration
    this.#table = await this.#persist(() => tables.open(table, this.#name))
    this.#subscription = await this.#persist(() => log.subscribe({ group: stage.group, topic: topic.name, member }))
    this.#options.onState('running', null)
    const subscription = this.#subscription
    const pull = {
      maxRecords: limits.batchRecords,
      maxBytes: limits.batchBytes,
      waitMs: limits.idleMs,
      signal: AbortSignal.any([drain, stop]),
    }
    while (!drain.aborted) {
      const timer = new StepTimer(this.#options.clock)
      const event = await this.#persist(() => subscription.next(pull)).catch(error => {
        if (drain.aborted) return null
        throw error
      })
      timer.lap('read')
      if (event === null) break
      switch (event.kind) {
        case 'assigned':
          await this.#unlessLost(event.partition, () => this.#assign(event.partition, event.epoch, event.committed))
          break
        case 'batch':
          await this.#unlessLost(event.partition, () => this.#write(event, timer))
          break
        case 'revoking':
          for (const partition of event.partitions) await this.#release(partition)
          break
        case 'lost':
          for (const partition of event.partitions) this.#owned.delete(partition)
          break
        case 'idle':
          break
      }
      await this.#commitSometimes()
    }
    this.#options.onState('draining', null)
    for (const partition of [...this.#owned.keys()]) await this.#release(partition)
  }

  async close(): Promise<void> {
    await this.#subscription?.close()
    await this.#deadLetters?.close()
    await this.#table?.close()
  }

  async #assign(partition: number, epoch: number, committed: Committed | null): Promise<void> {
    const { declaration, log } = this.#options
    const { topic, stage } = declaration
    const table = this.#table!
    const checkpoint = await this.#persist(() => table.claim(topic.name, partition, epoch))
    const ranges = await this.#persist(() => log.admin.ranges(topic.name))
    const markers = await this.#persist(() => log.admin.committed(deadLetterGroup(stage.group), topic.name))
    const range = ranges.find(each => each.partition === partition)
    const commit = committed === null ? null : { next: committed.next, version: versionIn(committed.metadata) }
    const kept = table.atomicCheckpoint ? (checkpoint ?? commit) : (commit ?? checkpoint)
    const next = kept?.next ?? range?.start ?? 0
    if (range !== undefined && next > range.end) {
      throw new MillraceError(
        'OFFSET_OUT_OF_RANGE',
        `The table's checkpoint is at ${next}, but the log ends at ${range.end}: it is not the log this table was filled from.`,
        { place: `${topic.name}[${partition}]`, fix: 'Bring back the log, or fill a new table from this one.' },
      )
    }
    this.#owned.set(partition, {
      partition,
      epoch,
      next,
      version: kept?.version ?? 0,
      deadLetteredTo: markers.find(each => each.partition === partition)?.next ?? 0,
      committed: committed?.next ?? -1,
    })
    this.#subscription!.seek(partition, next)
  }

  async #write(batch: Batch, timer: StepTimer): Promise<void> {
    const owned = this.#owned.get(batch.partition)
    const last = batch.records.at(-1)
    if (owned === undefined || last === undefined || owned.epoch !== batch.epoch) return
    const processed = await this.#persist(() => this.#process(batch, owned.version, timer))
    const checkpoint: Checkpoint = {
      topic: batch.topic,
      partition: batch.partition,
      epoch: owned.epoch,
      next: last.offset + 1,
      version: processed.version,
    }
    const failed = await this.#store(batch, processed, owned, checkpoint, timer)
    owned.next = checkpoint.next
    owned.version = checkpoint.version
    this.#options.onProgress({
      stage: this.#name,
      at: this.#options.clock.now(),
      recordsIn: batch.records.length,
      recordsOut: batch.records.length - failed - processed.filtered,
      deadLetters: failed,
      filtered: processed.filtered,
      bytesIn: processed.bytesIn,
      ms: timer.ms,
      partitions: [{ partition: batch.partition, committed: owned.next, end: batch.end }],
    })
  }

  /**
   * Rows, then dead letters, then the checkpoint; returns how many were dead letters. Without failures the first and the
   * last are one write. With some, the rows go first, under the checkpoint there was: only then is it known which of them
   * the table rejects, and the dead letters must be complete before the checkpoint passes them.
   */
  async #store(
    batch: Batch,
    processed: ProcessedBatch,
    owned: OwnedPartition,
    checkpoint: Checkpoint,
    timer: StepTimer,
  ) {
    const table = this.#table!
    if (processed.failed.length === 0 && (await this.#writeAll(processed.rows, checkpoint))) {
      timer.lap('sink')
      if (!table.atomicCheckpoint) await this.#commit(owned, checkpoint.next, checkpoint.version)
      timer.lap('commit')
      return 0
    }
    const before: Checkpoint = { ...checkpoint, next: owned.next, version: owned.version }
    const failed = [...processed.failed, ...(await this.#writeAccepted(batch, processed, before))]
    timer.lap('sink')
    await this.#deadLetter(batch, failed, owned, checkpoint)
    if (table.atomicCheckpoint) await this.#persist(() => table.write([], checkpoint))
    timer.lap('commit')
    return failed.length
  }

  /** False, with nothing stored for certain, if the table rejects some of the rows. */
  async #writeAll(rows: readonly Row[], checkpoint: Checkpoint): Promise<boolean> {
    try {
      await this.#persist(() => this.#table!.write(rows, checkpoint))
      return true
    } catch (thrown) {
      if (thrown instanceof RowsRejected) return false
      throw thrown
    }
  }

  /** Writes the rows that the table takes and returns those it rejects. */
  async #writeAccepted(batch: Batch, processed: ProcessedBatch, checkpoint: Checkpoint): Promise<FailedRecord[]> {
    const failed: FailedRecord[] = []
    let pending = processed.rows.map((row, index) => ({ row, source: processed.sources[index]! }))
    for (;;) {
      try {
        const rows = pending.map(each => each.row)
        await this.#persist(() => this.#table!.write(rows, checkpoint))
        return failed
      } catch (thrown) {
        if (!(thrown instanceof RowsRejected)) throw thrown
        const rejected = new Map(thrown.rows.map(({ index, error }) => [index, error]))
        for (const [index, error] of rejected) {
          const { row, source } = pending[index]!
          failed.push(failedRecord(batch, source, row.version, error))
        }
        pending = pending.filter((_, index) => !rejected.has(index))
      }
    }
  }

  /** Appends the dead letters of a batch that are not durable yet, together with the note of how far they are (G5). */
  async #deadLetter(batch: Batch, failed: readonly FailedRecord[], owned: OwnedPartition, checkpoint: Checkpoint) {
    const { declaration, log, logger, member } = this.#options
    const { stage, topic } = declaration
    const fresh = failed.filter(({ origin }) => origin.kind === 'topic' && origin.offset >= owned.deadLetteredTo)
    const commit: Commit = {
      group: this.#table!.atomicCheckpoint ? deadLetterGroup(stage.group) : stage.group,
      topic: batch.topic,
      partition: batch.partition,
      next: checkpoint.next,
      metadata: commitMetadata(checkpoint.version),
    }
    this.#deadLetters ??= await this.#persist(() => log.producer(`${deadLetterGroup(stage.group)}.${member}`))
    const producer = this.#deadLetters
    const records = fresh.map(each => toDeadLetterRecord(topic.deadLetterTopic, this.#name, each))
    await this.#persist(() => producer.append(records, [commit]))
    owned.deadLetteredTo = checkpoint.next
    if (!this.#table!.atomicCheckpoint) owned.committed = checkpoint.next
    const [first] = fresh
    if (first === undefined) return
    logger.log('warn', `${fresh.length} dead letters to ${topic.deadLetterTopic}: ${first.error.message}`, {
      partition: batch.partition,
      code: first.error.code,
    })
  }

  /** For a table with its own checkpoint the log's commit only informs (lag, other tools), so it may come late. */
  async #commitSometimes(): Promise<void> {
    const now = this.#options.clock.elapsed()
    if (now - this.#committedAt < this.#options.limits.commitIntervalMs) return
    this.#committedAt = now
    for (const owned of [...this.#owned.values()]) {
      await this.#unlessLost(owned.partition, () => this.#commit(owned, owned.next, owned.version))
    }
  }

  async #commit(owned: OwnedPartition, next: number, version: number): Promise<void> {
    if (owned.committed === next) return
    await this.#persist(() => this.#subscription!.commit(owned.partition, owned.epoch, next, commitMetadata(version)))
    owned.committed = next
  }

  async #release(partition: number): Promise<void> {
    await this.#unlessLost(partition, async () => {
      const owned = this.#owned.get(partition)
      if (owned !== undefined) await this.#commit(owned, owned.next, owned.version)
      await this.#persist(() => this.#subscription!.release(partition))
    })
    this.#owned.delete(partition)
  }

  /** A partition that went to another member takes its work with it: the new owner starts from the last checkpoint. */
  async #unlessLost(partition: number, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      if (!(thrown instanceof MillraceError && thrown.code === 'PARTITION_LOST')) throw thrown
      this.#owned.delete(partition)
    }
  }

  async #persist<T>(work: () => Promise<T>): Promise<T> {
    const { limits, clock, random, stop, onState, logger } = this.#options
    let failing = false
    const result = await persist(work, {
      backoff: limits.backoff,
      clock,
      random,
      signal: stop,
      onFailure: error => {
        if (!failing) logger.log('warn', `Waiting: ${error.message}`, { code: error.code })
        failing = true
        onState('paused', error)
      },
    })
    if (failing) {
      logger.log('info', 'Going on.')
      onState('running', null)
    }
    return result
  }
}

/** Holds how far a stage's dead letters are durable, beside the stage's own group. */
export function deadLetterGroup(group: string): string {
  return `${group}.dead-letters`
}

function commitMetadata(version: number): string {
  return JSON.stringify({ version })
}

/** 0 for a commit of another tool, such as one that moves a group back. */
function versionIn(metadata: string): number {
  const version: unknown = metadata.startsWith('{') ? (JSON.parse(metadata) as { version?: unknown }).version : 0
  return Number.isSafeInteger(version) ? (version as number) : 0
}
