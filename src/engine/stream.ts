import { stageId } from '../plan/plan.ts'
import type { Clock, Random } from '../ports/clock.ts'
import type { Batch, Committed, Log, NextOptions, Subscription, SubscriptionEvent } from '../ports/log.ts'
import type { Logger } from '../ports/logger.ts'
import type { StageProgress, StageState } from '../ports/processor.ts'
import type { SchemaRegistry } from '../ports/schema-registry.ts'
import type { Checkpoint, Table, TableStore } from '../ports/table.ts'
import { asMillraceError, MillraceError } from '../sdk/errors.ts'
import { persist } from './backoff.ts'
import { createDecoder } from './codec.ts'
import type { StreamLimits } from './limits.ts'
import { StepTimer } from './progress.ts'
import { positionFrom } from './stage-position.ts'
import { compileBatch, type ProcessBatch, type StreamDeclaration } from './stream-batch.ts'
import {
  commitMetadata,
  deadLetterGroup,
  type OwnedPartition,
  type PendingBatch,
  StreamWriter,
} from './stream-writer.ts'

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
    // What fails here has failed before: the group gives the partitions on when the session is over.
    await stage.close().catch(thrown => options.logger.log('warn', `Closing: ${asMillraceError(thrown).message}`))
  }
}

/** What a stage has once its ports are open. */
interface Opened {
  readonly table: Table
  readonly subscription: Subscription
  readonly writer: StreamWriter
}

class StreamStage {
  readonly #options: StreamOptions
  readonly #name: string
  readonly #process: ProcessBatch
  readonly #owned = new Map<number, OwnedPartition>()
  #opened: Opened | null = null
  /** Processed and not written yet: together they are at most one full batch. */
  #pending: PendingBatch[] = []
  #timer: StepTimer
  #committedAt = 0
  #draining = false

  constructor(options: StreamOptions) {
    const { declaration, registry, clock } = options
    this.#options = options
    this.#name = stageId(declaration.stage)
    this.#timer = new StepTimer(clock)
    const { topic } = declaration
    this.#process = compileBatch(declaration, createDecoder({ node: topic.value, avro: topic.avro, registry }), clock)
  }

  async run(): Promise<void> {
    const { drain, onState } = this.#options
    const { subscription } = await this.#open()
    onState('running', null)
    while (!drain.aborted) {
      const event = await this.#persist(() => subscription.next(this.#pull())).catch(error => {
        if (drain.aborted) return null
        throw error
      })
      this.#timer.lap('read')
      if (event === null) break
      await this.#handle(event)
      await this.#commitSometimes()
    }
    this.#draining = true
    onState('draining', null)
    await this.#flush()
    for (const partition of [...this.#owned.keys()]) await this.#release(partition)
  }

  async close(): Promise<void> {
    await this.#opened?.subscription.close()
    await this.#opened?.writer.close()
    await this.#opened?.table.close()
  }

  async #open(): Promise<Opened> {
    const { declaration, log, tables, member, logger } = this.#options
    const { stage, topic } = declaration
    const table = await this.#persist(() => tables.open(declaration.table, this.#name))
    const producers = `${deadLetterGroup(stage.group)}.`
    const subscription = await this.#persist(() =>
      log.subscribe({ group: stage.group, topic: topic.name, member, producers }),
    )
    const writer = new StreamWriter({
      ...{ stage, topic, table, logger, atomicCheckpoint: tables.atomicCheckpoint },
      deadLetterProducer: () => log.producer(`${producers}${member}`),
      commit: (owned, checkpoint) => this.#commit(owned, checkpoint),
      persist: work => this.#persist(work),
    })
    this.#opened = { table, subscription, writer }
    return this.#opened
  }

  /** As much as fits beside what is pending. With something pending, only what is there already. */
  #pull(): NextOptions {
    const { limits, drain, stop } = this.#options
    const records = this.#pending.reduce((sum, { batch }) => sum + batch.records.length, 0)
    const bytes = this.#pending.reduce((sum, { processed }) => sum + processed.bytesIn, 0)
    return {
      maxRecords: limits.batchRecords - records,
      maxBytes: limits.batchBytes - bytes,
      waitMs: this.#pending.length === 0 ? limits.idleMs : 0,
      signal: AbortSignal.any([drain, stop]),
    }
  }

  async #handle(event: SubscriptionEvent): Promise<void> {
    if (event.kind === 'batch') {
      await this.#take(event)
      const { maxRecords, maxBytes } = this.#pull()
      if (maxRecords <= 0 || maxBytes <= 0) await this.#flush()
      return
    }
    if (event.kind === 'lost') for (const partition of event.partitions) this.#forget(partition)
    await this.#flush()
    // Waiting for records is not reading them.
    if (event.kind === 'idle') this.#timer = new StepTimer(this.#options.clock)
    if (event.kind === 'revoking') for (const partition of event.partitions) await this.#release(partition)
    if (event.kind === 'assigned') {
      await this.#unlessLost(event.partition, () => this.#assign(event.partition, event.epoch, event.committed))
    }
  }

  async #assign(partition: number, epoch: number, committed: Committed | null): Promise<void> {
    const { declaration, log, tables } = this.#options
    const { topic, stage } = declaration
    const { table, subscription } = this.#opened!
    const checkpoint = await this.#persist(() => table.claim(topic.name, partition, epoch))
    const ranges = await this.#persist(() => log.admin.ranges(topic.name))
    const markers = await this.#persist(() => log.admin.committed(deadLetterGroup(stage.group), topic.name))
    const range = ranges.find(each => each.partition === partition)
    const kept = positionFrom(tables, checkpoint, committed)
    const next = kept?.next ?? range?.start ?? 0
    if (range !== undefined && next > range.end) {
      throw new MillraceError(
        'OFFSET_OUT_OF_RANGE',
        `The table's checkpoint is at ${next}, but the log ends at ${range.end}: it is not the log this table was filled from.`,
        { place: `${topic.name}[${partition}]`, fix: 'Bring back the log, or fill a new table from this one.' },
      )
    }
    const version = kept?.version ?? 0
    this.#owned.set(partition, {
      partition,
      epoch,
      next,
      version,
      readVersion: version,
      deadLetteredTo: markers.find(each => each.partition === partition)?.next ?? 0,
      committed: committed?.next ?? -1,
    })
    subscription.seek(partition, next)
  }

  async #take(batch: Batch): Promise<void> {
    const owned = this.#owned.get(batch.partition)
    if (owned === undefined || owned.epoch !== batch.epoch) return
    const processed = await this.#persist(() => this.#process(batch, owned.readVersion, this.#timer))
    owned.readVersion = processed.version
    const { topic, partition, epoch, next } = batch
    const checkpoint: Checkpoint = { topic, partition, epoch, next, version: processed.version }
    this.#pending.push({ batch, processed, owned, checkpoint })
  }

  /** Writes everything pending at once; if a partition was lost meanwhile, each partition's part by itself. */
  async #flush(): Promise<void> {
    const pending = this.#pending
    this.#pending = []
    if (pending.length === 0) return
    try {
      await this.#write(pending)
    } catch (thrown) {
      if (!isLost(thrown)) throw thrown
      for (const partition of new Set(pending.map(({ owned }) => owned.partition))) {
        await this.#unlessLost(partition, () => this.#write(pending.filter(each => each.owned.partition === partition)))
      }
    }
  }

  async #write(pending: readonly PendingBatch[]): Promise<void> {
    const deadLetters = await this.#opened!.writer.write(pending, this.#timer)
    const sum = (count: (each: PendingBatch) => number) => pending.reduce((total, each) => total + count(each), 0)
    const recordsIn = sum(({ batch }) => batch.records.length)
    const filtered = sum(({ processed }) => processed.filtered)
    this.#options.onProgress({
      stage: this.#name,
      at: this.#options.clock.now(),
      recordsIn,
      recordsOut: recordsIn - deadLetters - filtered,
      deadLetters,
      filtered,
      bytesIn: sum(({ processed }) => processed.bytesIn),
      ms: this.#timer.ms,
      partitions: pending.map(({ batch, checkpoint }) => ({
        ...{ partition: batch.partition, committed: checkpoint.next, end: batch.end },
      })),
    })
    this.#timer = new StepTimer(this.#options.clock)
  }

  /** For a table with its own checkpoint the log's commit only informs (lag, other tools), so it may come late. */
  async #commitSometimes(): Promise<void> {
    const now = this.#options.clock.elapsed()
    if (now - this.#committedAt < this.#options.limits.commitIntervalMs) return
    this.#committedAt = now
    for (const owned of [...this.#owned.values()]) {
      await this.#unlessLost(owned.partition, () => this.#commit(owned, owned))
    }
  }

  async #commit(owned: OwnedPartition, at: Pick<Checkpoint, 'next' | 'version'>): Promise<void> {
    const { next, version } = at
    if (owned.committed === next) return
    const { partition, epoch } = owned
    await this.#persist(() => this.#opened!.subscription.commit(partition, epoch, next, commitMetadata(version)))
    owned.committed = next
  }

  async #release(partition: number): Promise<void> {
    await this.#unlessLost(partition, async () => {
      const owned = this.#owned.get(partition)
      if (owned !== undefined) await this.#commit(owned, owned)
      await this.#persist(() => this.#opened!.subscription.release(partition))
    })
    this.#forget(partition)
  }

  #forget(partition: number): void {
    this.#owned.delete(partition)
    this.#pending = this.#pending.filter(({ owned }) => owned.partition !== partition)
  }

  /** A partition that went to another member takes its work with it: the new owner starts from the last checkpoint. */
  async #unlessLost(partition: number, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      if (!isLost(thrown)) throw thrown
      this.#forget(partition)
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
        if (!this.#draining) onState('paused', error)
      },
    })
    if (failing) {
      logger.log('info', 'Going on.')
      if (!this.#draining) onState('running', null)
    }
    return result
  }
}

function isLost(thrown: unknown): boolean {
  return thrown instanceof MillraceError && thrown.code === 'PARTITION_LOST'
}
