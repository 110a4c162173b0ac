import assert from 'node:assert/strict'
import type {
  Batch,
  Log,
  LogRecord,
  NewRecord,
  Producer,
  Subscription,
  SubscriptionEvent,
  TopicSpec,
} from '../../ports/log.ts'
import { type ErrorCode, MillraceError } from '../../sdk/errors.ts'
import type { ConformanceCase } from '../conformance.ts'

/** A log to be tried, empty or not: every case uses names of its own. */
export interface LogFixture {
  readonly log: Log
  /** A further client of the same system, as another process would have. */
  another(): Promise<Log>
  /** The shortest session timeout that the system takes, in milliseconds. */
  readonly sessionTimeoutMs: number
  /** A time in which the system surely completes a rebalance, in milliseconds. */
  readonly patienceMs: number
  /** Closes every client and takes away what was made. */
  dispose(): Promise<void>
}

/** Makes a case of a rule and its check. */
export type Rule = (text: string, check: (test: LogTest) => Promise<void>) => ConformanceCase

type Event<Kind extends SubscriptionEvent['kind']> = Extract<SubscriptionEvent, { kind: Kind }>

/** What the cases say often. */
export class LogTest {
  readonly fixture: LogFixture
  readonly log: Log
  readonly #run = Math.random().toString(36).slice(2, 10)
  #names = 0

  constructor(fixture: LogFixture) {
    this.fixture = fixture
    this.log = fixture.log
  }

  another(): Promise<Log> {
    return this.fixture.another()
  }

  name(what: string): string {
    return `conformance-${this.#run}-${++this.#names}-${what}`
  }

  spec(settings: Partial<TopicSpec> = {}): TopicSpec {
    return {
      name: this.name('topic'),
      partitions: 1,
      replication: 1,
      retentionMs: 604_800_000,
      maxRecordBytes: 100_000,
      ...settings,
    }
  }

  async topic(settings: Partial<TopicSpec> = {}): Promise<string> {
    const spec = this.spec(settings)
    await this.log.admin.createTopic(spec)
    return spec.name
  }

  /** A topic of one partition with `count` records in a few appends. */
  async filled(count: number, valueBytes = 10): Promise<string> {
    const topic = await this.topic()
    const producer = await this.log.producer(this.name('producer'))
    const value = new Uint8Array(valueBytes)
    for (let from = 0; from < count; from += 30) {
      const size = Math.min(30, count - from)
      await producer.append(Array.from({ length: size }, () => ({ topic, key: null, value, partition: 0 })))
    }
    await producer.close()
    return topic
  }

  /** Appends until the log's clock has moved on; returns the first record of a later moment than the first one. */
  async appendInTwoMoments(producer: Producer, topic: string): Promise<LogRecord> {
    for (let count = 0; count < 10_000; count++) {
      const [appended] = await producer.append([to(topic, 0, 'moment')])
      const [record] = await this.log.admin.read(topic, 0, appended!.baseOffset, this.patient())
      const [first] = await this.log.admin.read(topic, 0, 0, this.patient())
      if (record!.timestamp > first!.timestamp) return record!
    }
    throw new Error('The log’s clock stands still.')
  }

  async readAll(topic: string, partition: number, from: number, count: number): Promise<LogRecord[]> {
    const records: LogRecord[] = []
    let next = from
    while (records.length < count) {
      const more = await this.log.admin.read(topic, partition, next, this.patient())
      assert.ok(more.length > 0, `only ${records.length} of ${count} records`)
      records.push(...more)
      next = records.at(-1)!.offset + 1
    }
    return records
  }

  async readValues(topic: string, partition: number, count: number): Promise<(string | null)[]> {
    return (await this.readAll(topic, partition, 0, count)).map(record => string(record.value))
  }

  subscribe(log: Log, options: Partial<Parameters<Log['subscribe']>[0]> & { topic: string; group: string }) {
    return log.subscribe({ member: 'member', ...options })
  }

  patient(): { maxRecords: number; maxBytes: number; waitMs: number } {
    return { maxRecords: 1_000, maxBytes: 1_000_000, waitMs: this.fixture.patienceMs }
  }

  impatient(): { maxRecords: number; maxBytes: number; waitMs: number } {
    return { ...this.patient(), waitMs: 50 }
  }

  /** The next event, which must be of this kind. */
  async until<Kind extends SubscriptionEvent['kind']>(
    subscription: Subscription,
    kind: Kind,
    limits: { maxRecords?: number; maxBytes?: number } = {},
  ): Promise<Event<Kind>> {
    const event = await subscription.next({ ...this.patient(), ...limits })
    assert.equal(event.kind, kind)
    return event as Event<Kind>
  }

  assigned(subscription: Subscription): Promise<Event<'assigned'>> {
    return this.until(subscription, 'assigned')
  }

  async assignedAll(subscription: Subscription, count: number): Promise<Event<'assigned'>[]> {
    const events: Event<'assigned'>[] = []
    while (events.length < count) events.push(await this.assigned(subscription))
    return events
  }

  /** The next batch with records: one without only passes what is no record. */
  async batch(subscription: Subscription, limits: { maxRecords?: number; maxBytes?: number } = {}): Promise<Batch> {
    for (;;) {
      const batch = await this.until(subscription, 'batch', limits)
      if (batch.records.length > 0) return batch
    }
  }

  /** No records come. */
  async idle(subscription: Subscription): Promise<void> {
    for (;;) {
      const event = await subscription.next(this.impatient())
      if (event.kind === 'batch' && event.records.length === 0) continue
      assert.equal(event.kind, 'idle')
      return
    }
  }

  async group(log: Log, name: string) {
    let after: string | null = null
    do {
      const page = await log.admin.groups(after === null ? {} : { after })
      const found = page.items.find(each => each.group === name)
      if (found !== undefined) return found
      after = page.next
    } while (after !== null)
    return null
  }

  /** For what some systems show a moment after it has happened. */
  async eventually(check: () => Promise<void>): Promise<void> {
    const until = performance.now() + this.fixture.patienceMs
    for (;;) {
      try {
        return await check()
      } catch (error) {
        if (performance.now() > until) throw error
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
  }
}

export async function fails(code: ErrorCode, work: Promise<unknown>): Promise<MillraceError> {
  const [outcome] = await Promise.allSettled([work])
  assert.ok(outcome.status === 'rejected', `expected ${code}, but it succeeded`)
  assert.ok(outcome.reason instanceof MillraceError, `expected ${code}, got ${outcome.reason}`)
  assert.equal(outcome.reason.code, code)
  return outcome.reason
}

export function text(topic: string, key: string, value: string): NewRecord {
  return { topic, key: bytes(key), value: bytes(value) }
}

export function to(topic: string, partition: number, value: string): NewRecord {
  return { topic, key: null, value: bytes(value), partition }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function string(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : new TextDecoder().decode(bytes)
}

export function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex')
}
