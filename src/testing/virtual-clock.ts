import type { Clock } from '../ports/clock.ts'

export interface VirtualClock extends Clock {
  /** Moves time on, waking the sleepers due on the way in their order; resolves when what they woke has settled. */
  advance(ms: number): Promise<void>
  /** How many wait now. */
  readonly sleepers: number
  /** Every wait asked for so far, in milliseconds, oldest first. */
  readonly waits: readonly number[]
}

export interface VirtualClockOptions {
  /** Milliseconds since 1970 UTC. Default 2026-01-01. */
  readonly start?: number
  /** Move to the next sleeper as soon as there is one, so that nothing ever waits. Default false: only `advance` moves time. */
  readonly auto?: boolean
}

interface Sleeper {
  readonly due: number
  readonly wake: () => void
}

/** A clock whose time moves only when told, or from sleeper to sleeper. */
export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const start = options.start ?? Date.UTC(2026, 0, 1)
  const waits: number[] = []
  const sleepers = new Set<Sleeper>()
  let now = start

  function wakeNext(until: number): boolean {
    let next: Sleeper | undefined
    for (const sleeper of sleepers) if (!next || sleeper.due < next.due) next = sleeper
    if (!next || next.due > until) return false
    sleepers.delete(next)
    now = Math.max(now, next.due)
    next.wake()
    return true
  }

  return {
    now: () => now,
    elapsed: () => now - start,
    sleep(ms, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      if (signal?.aborted) return Promise.reject(signal.reason)
      waits.push(ms)
      const stop = () => {
        sleepers.delete(sleeper)
        reject(signal?.reason)
      }
      const sleeper: Sleeper = {
        due: now + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', stop)
          resolve()
        },
      }
      signal?.addEventListener('abort', stop, { once: true })
      sleepers.add(sleeper)
      if (options.auto) setImmediate(wakeNext, Number.POSITIVE_INFINITY)
      return promise
    },
    async advance(ms) {
      const until = now + ms
      await settled()
      while (wakeNext(until)) await settled()
      now = until
    },
    get sleepers() {
      return sleepers.size
    },
    waits,
  }
}

function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
