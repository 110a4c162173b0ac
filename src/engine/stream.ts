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
  isPartitionLost,
  type OwnedPartition,
  type PendingBatch,
  type Standing,
  StreamWriter,
} from './stream-writer.ts'
import { type Share, StreamWrites, type Written } from './stream-writes.ts'

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
  readonly writes: StreamWrites
  /** Ends waiting for records. */
  readonly interrupt: AbortSignal
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
  /** How much of the work under way waits to be tried again. */
  #failing = 0
  readonly #ended = new AbortController()
  /** Aborts when nothing is tried again. */
  readonly #abandon: AbortSignal

  constructor(options: StreamOptions) {
    const { declaration, registry, clock } = options
    this.#options = options
    this.#name = stageId(declaration.stage)
    this.#timer = new StepTimer(clock)
    this.#abandon = AbortSignal.any([options.stop, this.#ended.signal])
    const { topic } = declaration
    this.#process = compileBatch(declaration, createDecoder({ node: topic.value, avro: topic.avro, registry }), clock)
  }

  async run(): Promise<void> {
    const { drain, onState } = this.#options
    const { subscription, writes } = await this.#open()
    onState('running', null)
    while (!drain.aborted) {
      const event = await this.#persist(() => subscription.next(this.#pull())).catch(error => {
        writes.failure.throwIfAborted()
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
    await writes.settled()
    for (const partition of [...this.#owned.keys()]) await this.#release(partition)
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#opened?.writes.ended()
    await this.#opened?.subscription.close()
    await this.#opened?.writer.close()
    await this.#opened?.table.close()
  }

  async #open(): Promise<Opened> {
    const { declaration, log, tables, member, logger, limits, clock, drain, stop } = this.#options
    const { stage, topic } = declaration
    const table = await this.#persist(() => tables.open(declaration.table, this.#name))
    const producers = `${deadLetterGroup(stage.group)}.`
    const subscription = await this.#persist(() =>
      log.subscribe({ group: stage.group, topic: topic.name, member, producers }),
    )
    const writer = new StreamWriter({
      ...{ stage, topic, table, logger, atomicCheckpoint: tables.atomicCheckpoint },
      deadLetterProducer: () => log.producer(`${producers}${member}`),
      commit: standing => this.#commit(standing),
      persist: work => this.#persist(work),
    })
    const writes = new StreamWrites({
      ...{ writer, clock, settleIntervalMs: limits.settleIntervalMs },
      ...{ most: limits.overlappingWrites, mostUnsettled: limits.unsettledWrites, mostFailedBytes: limits.batchBytes },
      unlessLost: (owned, work) => this.#unlessLost(owned, work),
      onSettled: written => this.#report(written),
    })
    const interrupt = AbortSignal.any([drain, stop, writes.failure])
    this.#opened = { table, subscription, writer, writes, interrupt }
    return this.#opened
  }

  /** As much as fits beside what is pending. With something pending, only what is there already. */
  #pull(): NextOptions {
    const { batchRecords, overlappingRecords, batchBytes, idleMs } = this.#options.limits
    const { atomicCheckpoint } = this.#options.tables
    const most = atomicCheckpoint ? batchRecords : Math.min(batchRecords, overlappingRecords)
    const records = this.#pending.reduce((sum, { batch }) => sum + batch.records.length, 0)
    const bytes = this.#pending.reduce((sum, { processed }) => sum + processed.bytesIn, 0)
    return {
      maxRecords: most - records,
      maxBytes: batchBytes - bytes,
      waitMs: this.#pending.length === 0 ? idleMs : 0,
      signal: this.#opened!.interrupt,
    }
  }

  async #handle(event: SubscriptionEvent): Promise<void> {
    if (event.kind === 'batch') {
      await this.#take(event)
      const { maxRecords, maxBytes } = this.#pull()
      if (maxRecords <= 0 || maxBytes <= 0) await this.#flush()
      return
    }
    if (event.kind === 'lost') for (const partition of event.partitions) this.#forget(this.#owned.get(partition))
    await this.#flush()
    // Waiting for records is not reading them.
    if (event.kind === 'idle') {
      this.#timer = new StepTimer(this.#options.clock)
      return
    }
    await this.#opened!.writes.settled()
    if (event.kind === 'revoking') for (const partition of event.partitions) await this.#release(partition)
    if (event.kind === 'assigned') {
      const { partition, epoch, committed } = event
      await this.#unlessLost(this.#owned.get(partition), () => this.#assign(partition, epoch, committed))
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

  /** Begins to write everything pending. A table with its own checkpoint has it when this resolves. */
  async #flush(): Promise<void> {
    if (this.#pending.length === 0) return
    const { writes } = this.#opened!
    await writes.room()
    writes.begin(this.#pending, this.#timer)
    this.#pending = []
    this.#timer = new StepTimer(this.#options.clock)
    if (this.#options.tables.atomicCheckpoint) await writes.settled()
  }

  #report({ shares, failed, timer }: Written): void {
    const sum = (count: (each: Share) => number) => shares.reduce((total, each) => total + count(each), 0)
    const recordsIn = sum(each => each.recordsIn)
    const filtered = sum(each => each.filtered)
    const deadLetters = failed.length
    this.#options.onProgress({
      stage: this.#name,
      at: this.#options.clock.now(),
      recordsIn,
      recordsOut: recordsIn - deadLetters - filtered,
      deadLetters,
      filtered,
      bytesIn: sum(each => each.bytesIn),
      ms: timer.ms,
      partitions: shares.map(({ checkpoint, end }) => ({
        ...{ partition: checkpoint.partition, committed: checkpoint.next, end },
      })),
    })
  }

  /** For a table with its own checkpoint the log's commit only informs (lag, other tools), so it may come late. */
  async #commitSometimes(): Promise<void> {
    if (!this.#options.tables.atomicCheckpoint) return
    const now = this.#options.clock.elapsed()
    if (now - this.#committedAt < this.#options.limits.commitIntervalMs) return
    this.#committedAt = now
    for (const owned of [...this.#owned.values()]) await this.#unlessLost(owned, () => this.#commitReached(owned))
  }

  async #commitReached(owned: OwnedPartition): Promise<void> {
    const { partition, epoch, next, version } = owned
    const { name } = this.#options.declaration.topic
    await this.#commit({ owned, checkpoint: { topic: name, partition, epoch, next, version } })
  }

  async #commit({ owned, checkpoint: { next, version } }: Standing): Promise<void> {
    if (owned.committed === next) return
    const { partition, epoch } = owned
    await this.#persist(() => this.#opened!.subscription.commit(partition, epoch, next, commitMetadata(version)))
    owned.committed = next
  }

  async #release(partition: number): Promise<void> {
    const owned = this.#owned.get(partition)
    await this.#unlessLost(owned, async () => {
      if (owned !== undefined) await this.#commitReached(owned)
      await this.#persist(() => this.#opened!.subscription.release(partition))
    })
    this.#forget(owned)
  }

  #forget(owned: OwnedPartition | undefined): void {
    if (owned === undefined) return
    if (this.#owned.get(owned.partition) === owned) this.#owned.delete(owned.partition)
    this.#pending = this.#pending.filter(each => each.owned !== owned)
  }

  /** A partition that went to another member takes its work with it: the new owner starts from the last checkpoint. */
  async #unlessLost(owned: OwnedPartition | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      if (!isPartitionLost(thrown)) throw thrown
      this.#forget(owned)
    }
  }

  async #persist<T>(work: () => Promise<T>): Promise<T> {
    const { limits, clock, random, onState, logger } = this.#options
    let failing = false
    const result = await persist(work, {
      backoff: limits.backoff,
      clock,
      random,
      signal: this.#abandon,
      onFailure: error => {
        if (!failing) this.#failing += 1
        if (!failing && this.#failing === 1) logger.log('warn', `Waiting: ${error.message}`, { code: error.code })
        failing = true
        if (!this.#draining) onState('paused', error)
      },
    })
    if (failing) this.#failing -= 1
    if (failing && this.#failing === 0) {
      logger.log('info', 'Going on.')
      if (!this.#draining) onState('running', null)
    }
    return result
  }
}
