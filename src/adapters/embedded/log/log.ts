import type { Clock } from '../../../ports/clock.ts'
import type { Log, LogAdmin, Producer, SubscribeOptions, Subscription } from '../../../ports/log.ts'
import { EmbeddedLogAdmin } from './admin.ts'
import { EventLoopTurns } from './event-loop-turns.ts'
import { thisProcess } from './liveness.ts'
import { openLogFile } from './log-file.ts'
import { EmbeddedProducer } from './producer.ts'
import { type EmbeddedSubscription, type LogContext, subscribe } from './subscription.ts'

export interface EmbeddedLogOptions {
  /** The log's SQLite file; made if there is none. */
  readonly path: string
  readonly clock: Clock
  /** How often a reader that waits looks for something new, in milliseconds. Default 5. */
  readonly pollMs?: number
}

/**
 * A log in one SQLite file. Any number of threads and processes of one machine may have it open at once, each with a
 * `Log` of its own.
 * @throws MillraceError `STATE_VERSION`, `STATE_READ_ONLY`, `STATE_CORRUPT`, …
 */
export function openEmbeddedLog(options: EmbeddedLogOptions): Log {
  return new EmbeddedLog({
    file: openLogFile(options.path),
    clock: options.clock,
    turns: new EventLoopTurns(options.clock),
    process: thisProcess(),
    pollMs: options.pollMs ?? 5,
  })
}

class EmbeddedLog implements Log {
  readonly admin: LogAdmin
  readonly #context: LogContext
  readonly #subscriptions = new Set<EmbeddedSubscription>()

  constructor(context: LogContext) {
    this.#context = context
    this.admin = new EmbeddedLogAdmin(context)
  }

  async producer(id: string): Promise<Producer> {
    const { file, clock, turns } = this.#context
    return new EmbeddedProducer(file, clock, turns, id)
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    const subscription = await subscribe(this.#context, options)
    for (const other of this.#subscriptions) if (other.closed) this.#subscriptions.delete(other)
    this.#subscriptions.add(subscription)
    return subscription
  }

  /** Leaves every group first. What cannot leave, on a full disk for example, is taken for dead by the others. */
  async close(): Promise<void> {
    const left = await Promise.allSettled([...this.#subscriptions].map(subscription => subscription.close()))
    this.#subscriptions.clear()
    this.#context.file.close()
    for (const outcome of left) if (outcome.status === 'rejected') throw outcome.reason
  }
}
