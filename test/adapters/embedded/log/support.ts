import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import { openEmbeddedLog } from '../../../../src/adapters/embedded/log/log.ts'
import { systemClock } from '../../../../src/adapters/system/clock.ts'
import type { Clock } from '../../../../src/ports/clock.ts'
import type { Log, NewRecord, Subscription, SubscriptionEvent, TopicSpec } from '../../../../src/ports/log.ts'
import { temporaryDirectory } from '../../../support.ts'

export function temporaryLogPath(): string {
  return join(temporaryDirectory(), 'log.sqlite')
}

/** A log that is closed when the test is over. */
export function openLog(path: string, clock: Clock = systemClock): Log {
  const log = openEmbeddedLog({ path, clock })
  onTestFinished(() => log.close())
  return log
}

/** The log's file as SQLite sees it. */
export function openRaw(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  onTestFinished(() => database.close())
  return database
}

export async function createTopic(log: Log, settings: Partial<TopicSpec> = {}): Promise<string> {
  const spec = {
    name: 'users',
    partitions: 1,
    replication: 1,
    retentionMs: 1e12,
    maxRecordBytes: 1_000_000,
    ...settings,
  }
  await log.admin.createTopic(spec)
  return spec.name
}

export function record(value: string, partition = 0, topic = 'users'): NewRecord {
  return { topic, key: null, value: Buffer.from(value), partition }
}

export const patient = { maxRecords: 1_000, maxBytes: 1_000_000, waitMs: 60_000 }

/** The next event, which must be of this kind. */
export async function nextOf<Kind extends SubscriptionEvent['kind']>(
  subscription: Subscription,
  kind: Kind,
  limits = patient,
): Promise<Extract<SubscriptionEvent, { kind: Kind }>> {
  const event = await subscription.next(limits)
  if (event.kind !== kind) throw new Error(`expected ${kind}, got ${JSON.stringify(event)}`)
  return event as Extract<SubscriptionEvent, { kind: Kind }>
}

/** A wall clock that a test sets; it waits in real time. */
export class SettableClock implements Clock {
  #now: number

  constructor(now: number) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  set(now: number): void {
    this.#now = now
  }

  elapsed(): number {
    return systemClock.elapsed()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal)
  }
}
