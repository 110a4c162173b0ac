import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Column, percentile } from '../figures.ts'
import type { Engines } from '../stack/engines.ts'
import type { Program } from '../stack/programs.ts'
import type { Rows } from '../stack/rows.ts'
import { userId } from '../user.ts'
import type { Sighting } from './reader.ts'
import { monotonicMs } from './schedule.ts'

/** In milliseconds, each by its share from 0 to 1. */
type Percentiles = (share: number) => number

export interface Latency {
  /** Of the program's process, its start included. */
  readonly cpuMicrosPerRecord: number
  readonly visible: Percentiles
  readonly acknowledged: Percentiles
  readonly resolution: Percentiles
}

/** The percentiles of each, after the word that says which. */
const percentileColumns = (['visible', 'acknowledged', 'resolution'] as const).flatMap((what): Column<Latency>[] => [
  { title: `${what} p50`, of: run => run[what](0.5), digits: 1 },
  { title: 'p90', of: run => run[what](0.9), digits: 1 },
  { title: 'p99', of: run => run[what](0.99), digits: 1 },
])

export const latencyColumns: readonly Column<Latency>[] = [
  ...percentileColumns,
  { title: 'µs CPU a record', of: run => run.cpuMicrosPerRecord, digits: 0 },
]

/** Whether the run's figures are the program's: where the broker itself is as late as this, they are the machine's. */
export function isCalm({ acknowledged }: Latency): boolean {
  return acknowledged(0.99) <= 16
}

export interface Load {
  readonly seconds: number
  readonly perSecond: number
  /** The number of the first user that was never sent before. */
  readonly first: number
}

/** How long a program is under load before it is measured: compiled, and without what it left undone at its start. */
const warmUpSeconds = 10
/** And the producer and the reader of the measured load: their compilers take the cores from everything else. */
const unmeasuredSeconds = 10
/** From when the producer and the reader are ready to the first record. */
const leadMs = 200

/** How many users one measurement sends. */
export function usersOf({ seconds, perSecond }: Omit<Load, 'first'>): number {
  return (warmUpSeconds + unmeasuredSeconds + seconds) * perSecond
}

/** A program under load. */
export interface Subject {
  readonly name: string
  readonly engines: Engines
  readonly topic: string
  /** Of the users in the topic; null: they are JSON. */
  readonly schemaId: number | null
  start(): Program
}

/** Lets a program move users that arrive at a fixed rate, and finds how long each took until it could be read. */
export async function measureLatency(
  { name, engines, topic, schemaId, start }: Subject,
  rows: Rows,
  load: Load,
): Promise<Latency> {
  const over = new AbortController()
  const producer = (schedule: object) =>
    prepare<readonly number[]>('producer.ts', { broker: engines.broker, topic, schemaId, schedule }, over.signal)
  const reader = (schedule: object) =>
    prepare<readonly Sighting[]>('reader.ts', { contactPoint: engines.contactPoint, schedule }, over.signal)
  const { perSecond } = load
  const warmUp = { first: load.first, records: warmUpSeconds * perSecond, perSecond, unmeasured: 0 }
  const measured = {
    ...{ first: warmUp.first + warmUp.records, records: (unmeasuredSeconds + load.seconds) * perSecond, perSecond },
    unmeasured: unmeasuredSeconds * perSecond,
  }
  const run = async () => {
    const warm = await producer(warmUp)
    await warm(monotonicMs() + leadMs)
    const lastIds = Array.from({ length: 20 }, (_, index) => userId(measured.first - 1 - index))
    await rows.all(lastIds, over.signal)
    const [produce, read] = await Promise.all([producer(measured), reader(measured)])
    const startsAt = monotonicMs() + leadMs
    return Promise.all([produce(startsAt), read(startsAt)])
  }

  const program = start()
  const endedEarly = program.ended.then(() => Promise.reject(new Error(`${name} ended before it was told to.`)))
  try {
    const [acknowledged, sightings] = await Promise.race([run(), endedEarly])
    endedEarly.catch(() => {})
    program.stop()
    const { cpuMicros } = await program.ended
    const of =
      (numbers: readonly number[]): Percentiles =>
      share =>
        percentile(numbers, share)
    return {
      cpuMicrosPerRecord: cpuMicros / usersOf(load),
      visible: of(sightings.map(each => each.latency)),
      acknowledged: of(acknowledged),
      resolution: of(sightings.map(each => each.resolution)),
    }
  } finally {
    over.abort()
    program.kill()
  }
}

/** Starts a program that waits for its start. Resolves when it is ready, with what starts it and gives what it reports. */
async function prepare<T>(
  program: string,
  options: object,
  signal: AbortSignal,
): Promise<(startsAt: number) => Promise<T>> {
  const child = fork(join(import.meta.dirname, program), [JSON.stringify(options)], { signal })
  const ended = once(child, 'exit').then(([code, by]) => {
    throw new Error(`${program} ended with ${code ?? by}, without a report.`)
  })
  const message = async () => (await Promise.race([once(child, 'message'), ended]))[0]
  await message()
  return startsAt => {
    child.send(startsAt)
    return message() as Promise<T>
  }
}
