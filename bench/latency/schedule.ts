import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

/** When which user is sent, known to the producer and the reader alike. */
export interface Schedule {
  /** The number of the first user. */
  readonly first: number
  readonly records: number
  readonly perSecond: number
  /** Of the first record, in milliseconds of `monotonicMs`. */
  readonly startsAt: number
  /** Records at the start that are sent but not measured: the producer has just started, too. */
  readonly unmeasured: number
}

/** The system's clock since its start: one for all processes, and nobody sets it. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** When record number `index` is to be sent. */
export function dueAt({ startsAt, perSecond }: Schedule, index: number): number {
  return startsAt + (index * 1_000) / perSecond
}

export async function untilDue(ms: number): Promise<void> {
  for (let early = ms - monotonicMs(); early > 0; early = ms - monotonicMs()) await delay(early)
}

const orphaned = () => process.exit(1)

/** Tells the parent that this process is ready, and waits until it says when the first record is due. */
export async function whenStarted(schedule: Omit<Schedule, 'startsAt'>): Promise<Schedule> {
  process.once('disconnect', orphaned)
  process.send!('ready')
  const [startsAt] = (await once(process, 'message')) as [number]
  return { ...schedule, startsAt }
}

/** Gives the parent what was found. */
export function report(found: unknown): void {
  process.off('disconnect', orphaned)
  process.send!(found, () => process.disconnect())
}
