import type { Clock } from '../ports/clock.ts'
import type { FailedRecord } from './dead-letters.ts'
import type { StepTimer } from './progress.ts'
import {
  isPartitionLost,
  type OwnedPartition,
  type PendingBatch,
  type Standing,
  type StreamWriter,
} from './stream-writer.ts'

/** A partition's part of a write. */
export interface Share extends Standing {
  readonly recordsIn: number
  readonly filtered: number
  readonly bytesIn: number
  /** The end of the partition, as the log said it last. */
  readonly end: number
}

/** A write whose rows are durable. */
export interface Written {
  readonly shares: readonly Share[]
  /** What is to become dead letters. */
  readonly failed: readonly FailedRecord[]
  readonly timer: StepTimer
}

interface Write {
  readonly written: Promise<Written>
  /** The same once it is there. */
  result: Written | null
}

export interface StreamWritesOptions {
  readonly writer: StreamWriter
  readonly clock: Clock
  /** How many may have rows on their way at once. */
  readonly most: number
  /** How many may be begun and not settled. */
  readonly mostUnsettled: number
  /** What was read for those among them whose dead letters are kept for as long, in bytes. */
  readonly mostFailedBytes: number
  /** The least time between two settlements, in milliseconds. What is written meanwhile is settled together. */
  readonly settleIntervalMs: number
  /** Does the work of a partition unless that has gone to another member. */
  readonly unlessLost: (owned: OwnedPartition, work: () => Promise<void>) => Promise<void>
  /** Called when everything of a write is durable, its checkpoints too, but for partitions that were lost. */
  readonly onSettled: (written: Written) => void
}

/**
 * Writes that overlap: while the rows of some are on their way others begin. Dead letters and checkpoints follow the rows
 * in the order in which the writes began, beside them, and those of several writes together.
 */
export class StreamWrites {
  readonly #options: StreamWritesOptions
  readonly #failure = new AbortController()
  /** Begun and not settled, in order. */
  readonly #writes: Write[] = []
  #settling: Promise<void> | null = null
  #settledAt = Number.NEGATIVE_INFINITY
  /** Ends the rest between two settlements; null but in one. */
  #rest: AbortController | null = null
  /** Whether someone waits until all is settled: then there is no rest. */
  #hurried = false

  constructor(options: StreamWritesOptions) {
    this.#options = options
  }

  /** Aborts with the error that ended the writes, if one did. */
  get failure(): AbortSignal {
    return this.#failure.signal
  }

  /**
   * Resolves when another write may begin. One that takes long holds up no others, until they are too many to be kept.
   * @throws what made a write fail
   */
  async room(): Promise<void> {
    for (;;) {
      const underWay = this.#writes.filter(({ result }) => result === null)
      if (underWay.length >= this.#options.most) await Promise.race(underWay.map(({ written }) => written))
      else if (this.#isFull()) await this.settled()
      else return
    }
  }

  begin(batches: readonly PendingBatch[], timer: StepTimer): void {
    const write: Write = { written: this.#write(batches, timer), result: null }
    write.written.then(
      written => {
        write.result = written
      },
      () => {},
    )
    this.#writes.push(write)
    this.#settling ??= this.#settleAll()
  }

  /** Resolves when everything is settled that was begun. @throws what made a write fail */
  async settled(): Promise<void> {
    this.#hurried = true
    this.#rest?.abort()
    await this.#settling
    this.#hurried = false
    this.failure.throwIfAborted()
  }

  /** Resolves when nothing of it goes on any more, whatever became of it. */
  async ended(): Promise<void> {
    await Promise.allSettled([this.#settling, ...this.#writes.map(({ written }) => written)])
  }

  #isFull(): boolean {
    const { mostUnsettled, mostFailedBytes } = this.#options
    let failedBytes = 0
    for (const { result } of this.#writes) {
      // One dead letter keeps in memory all that was fetched with it.
      if (result !== null && result.failed.length > 0) for (const { bytesIn } of result.shares) failedBytes += bytesIn
    }
    return this.#writes.length >= mostUnsettled || failedBytes >= mostFailedBytes
  }

  /** How many of the first writes have their rows durable. */
  #through(): number {
    const first = this.#writes.findIndex(({ result }) => result === null)
    return first === -1 ? this.#writes.length : first
  }

  async #write(batches: readonly PendingBatch[], timer: StepTimer): Promise<Written> {
    const { writer, unlessLost } = this.#options
    const shares: Share[] = []
    const failed: FailedRecord[] = []
    await together(batches, unlessLost, async part => {
      failed.push(...(await writer.write(part)))
      shares.push(...part.map(shareOf))
    })
    timer.lap('sink')
    return { shares, failed, timer }
  }

  async #settleAll(): Promise<void> {
    const { clock, settleIntervalMs } = this.#options
    try {
      for (let first = this.#writes[0]; first !== undefined; first = this.#writes[0]) {
        await first.written
        await this.#restFor(this.#settledAt + settleIntervalMs - clock.elapsed())
        this.#settledAt = clock.elapsed()
        const through = this.#writes.slice(0, this.#through()).map(({ result }) => result!)
        await this.#settle(through)
        this.#writes.splice(0, through.length)
      }
    } catch (thrown) {
      this.#failure.abort(thrown)
    } finally {
      this.#settling = null
    }
  }

  async #restFor(ms: number): Promise<void> {
    if (ms <= 0 || this.#hurried) return
    this.#rest = new AbortController()
    await this.#options.clock.sleep(ms, this.#rest.signal).catch(() => {})
    this.#rest = null
  }

  async #settle(through: readonly Written[]): Promise<void> {
    const { writer, unlessLost, onSettled } = this.#options
    const settled = new Set<Share>()
    const failed = through.flatMap(each => each.failed)
    const shares = through.flatMap(each => each.shares)
    await together(shares, unlessLost, async part => {
      await writer.settle(part, failedOf(part, failed))
      for (const share of part) settled.add(share)
    })
    for (const written of through) {
      written.timer.lap('commit')
      const shares = written.shares.filter(share => settled.has(share))
      if (shares.length > 0) onSettled({ ...written, shares, failed: failedOf(shares, written.failed) })
    }
  }
}

/** Does the work for all partitions at once; if one of them was lost meanwhile, for each by itself. */
async function together<T extends Standing>(
  all: readonly T[],
  unlessLost: StreamWritesOptions['unlessLost'],
  work: (part: readonly T[]) => Promise<void>,
): Promise<void> {
  try {
    if (all.length > 0) await work(all)
  } catch (thrown) {
    if (!isPartitionLost(thrown)) throw thrown
    for (const owner of new Set(all.map(({ owned }) => owned))) {
      await unlessLost(owner, () => work(all.filter(({ owned }) => owned === owner)))
    }
  }
}

/** Those of the partitions of these shares. */
function failedOf(shares: readonly Share[], failed: readonly FailedRecord[]): readonly FailedRecord[] {
  const partitions = new Set(shares.map(({ owned }) => owned.partition))
  return failed.filter(({ origin }) => origin.kind === 'topic' && partitions.has(origin.partition))
}

function shareOf({ owned, checkpoint, batch, processed }: PendingBatch): Share {
  const { filtered, bytesIn } = processed
  return { owned, checkpoint, filtered, bytesIn, recordsIn: batch.records.length, end: batch.end }
}
