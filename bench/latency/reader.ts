/**
 * Finds when rows become visible to a reader: asks for one user in so many by its key, again and again from when it is
 * due, without waiting for the answers before.
 *
 * Forked with `ReaderOptions`. Reports a `Sighting` for each.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'
import { userId } from '../user.ts'
import { dueAt, monotonicMs, report, type Schedule, untilDue, whenStarted } from './schedule.ts'

export interface Sighting {
  /** From when the record was due, as the row itself says, to the first answer that had the row, in milliseconds. */
  readonly latency: number
  /** From the last question that found nothing to that answer, in milliseconds: by so much less it may have been. */
  readonly resolution: number
}

/** A prime, so that the samples fall everywhere between things that happen at round intervals. */
const recordsPerSample = 17
/** For all rows together: more would keep the node from its work, and what is missed meanwhile shows in the resolution. */
const questionsInFlight = 32
/** Until the next question: a share of how late the row is, for the questions must not be what keeps it late. */
const shareOfLateness = 0.1
const leastWaitMs = 1
const limitMs = 60_000

interface ReaderOptions {
  readonly contactPoint: string
  readonly schedule: Omit<Schedule, 'startsAt'>
}

const { contactPoint, schedule: load } = JSON.parse(process.argv[2]!) as ReaderOptions
const client = new Client({
  ...{ contactPoints: [contactPoint], localDataCenter: 'datacenter1', queryOptions: { prepare: true } },
})
const statement = 'SELECT registered_date FROM spark_streams.created_users WHERE id = ?'
const ask = async (id: string) => (await client.execute(statement, [id])).first()?.registered_date as string | undefined

await client.connect()
await ask(userId(load.first))
const schedule = await whenStarted(load)
let inFlight = 0

async function watch(index: number): Promise<Sighting> {
  const id = userId(schedule.first + index)
  const due = dueAt(schedule, index)
  await untilDue(due)
  const { promise, resolve, reject } = Promise.withResolvers<Sighting>()
  let missedAt = due
  let over = false
  const askOnce = async () => {
    const askedAt = monotonicMs()
    inFlight += 1
    const carried = await ask(id).finally(() => {
      inFlight -= 1
    })
    const now = monotonicMs()
    if (carried === undefined) missedAt = Math.max(missedAt, askedAt)
    else if (!over) {
      over = true
      resolve({ latency: now - Number(carried), resolution: now - missedAt })
    }
  }
  while (!over) {
    const late = monotonicMs() - due
    if (late > limitMs) throw new Error(`User ${schedule.first + index} is not visible after ${limitMs} ms.`)
    if (inFlight < questionsInFlight) askOnce().catch(reject)
    await Promise.race([delay(Math.max(leastWaitMs, late * shareOfLateness)), promise])
  }
  return promise
}

const sightings: Promise<Sighting>[] = []
for (let index = schedule.unmeasured; index < schedule.records; index += recordsPerSample) sightings.push(watch(index))
const seen = await Promise.all(sightings)
await client.shutdown()
report(seen)
