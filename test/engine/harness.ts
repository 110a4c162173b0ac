import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openEmbeddedLog } from '../../src/adapters/embedded/log/log.ts'
import { openEmbeddedRegistry } from '../../src/adapters/embedded/registry/registry.ts'
import { openEmbeddedTables } from '../../src/adapters/embedded/table/table-store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { createEncoder, type Encoder } from '../../src/engine/codec.ts'
import { type DeadLetter, fromDeadLetterRecord } from '../../src/engine/dead-letters.ts'
import { defaultStreamLimits, type StreamLimits } from '../../src/engine/limits.ts'
import { runStream } from '../../src/engine/stream.ts'
import type { MapFunction } from '../../src/engine/transform.ts'
import { compile } from '../../src/plan/compile.ts'
import type { IngestPlan, Plan, StreamPlan, TablePlan, TopicPlan } from '../../src/plan/plan.ts'
import type { Headers, Log, LogRecord } from '../../src/ports/log.ts'
import type { Logger } from '../../src/ports/logger.ts'
import type { StageProgress, StageState } from '../../src/ports/processor.ts'
import type { SchemaRegistry } from '../../src/ports/schema-registry.ts'
import type { Checkpoint, Row, StoredRow, TableStore } from '../../src/ports/table.ts'
import type { MillraceError } from '../../src/sdk/errors.ts'
import type { Pipeline } from '../../src/sdk/pipeline.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { temporaryDirectory } from '../support.ts'

export interface Ports {
  readonly log: Log
  readonly registry: SchemaRegistry
  readonly tables: TableStore
}

export interface StreamRun {
  /** Where the stage may fail; default the harness's own ports. */
  readonly ports?: Ports
  readonly limits?: Partial<StreamLimits>
  readonly map?: MapFunction
  /** Ends the run once the stage has nothing left to read; default true. */
  readonly untilIdle?: boolean
  readonly drain?: AbortSignal
  readonly onState?: (state: StageState, error: MillraceError | null) => void
}

/** One pipeline with one ingest and one stream stage on embedded adapters in a directory of the test's own. */
export class Harness {
  readonly plan: Plan
  readonly ports: Ports
  readonly progress: StageProgress[] = []
  readonly log: string[] = []
  #encoder: Encoder | null = null

  private constructor(plan: Plan, ports: Ports) {
    this.plan = plan
    this.ports = ports
  }

  static async open(declaration: Pipeline): Promise<Harness> {
    const directory = temporaryDirectory()
    const ports: Ports = {
      log: openEmbeddedLog({ path: join(directory, 'log.db'), clock: systemClock, pollMs: 1 }),
      registry: openEmbeddedRegistry({ path: join(directory, 'registry.db') }),
      tables: openEmbeddedTables({ directory }),
    }
    onTestFinished(async () => {
      await ports.log.close()
      await ports.registry.close()
      await ports.tables.close()
    })
    const harness = new Harness(compile(declaration), ports)
    const { topic, table } = harness
    const { name, partitions, replication, retentionMs, maxRecordBytes } = topic
    await ports.log.admin.createTopic({ name, partitions, replication, retentionMs, maxRecordBytes })
    await ports.log.admin.createTopic({
      ...{ name: topic.deadLetterTopic, partitions: 1, replication: 1 },
      ...{ retentionMs, maxRecordBytes: 64 * 1024 * 1024 },
    })
    await ports.registry.register(topic.subject, topic.avro)
    await ports.tables.admin.create(table)
    return harness
  }

  get topic(): TopicPlan {
    return this.plan.topics[0]!
  }

  get table(): TablePlan {
    return this.plan.tables[0]!
  }

  get ingest(): IngestPlan {
    return this.plan.stages.find(stage => stage.kind === 'ingest')!
  }

  get stream(): StreamPlan {
    return this.plan.stages.find(stage => stage.kind === 'stream')!
  }

  readonly logger: Logger = { log: (_level, text) => void this.log.push(text) }

  async encode(record: { readonly [field: string]: unknown }): Promise<Buffer> {
    if (this.#encoder === null) {
      const registered = await this.ports.registry.lookup(this.topic.subject, this.topic.avro)
      this.#encoder = createEncoder({ node: this.topic.value, avro: this.topic.avro, schemaId: registered!.id })
    }
    return this.#encoder.encode(record)
  }

  /** Appends values under keys, each in its own append when `apart`, as from many small producers. */
  async produce(
    records: readonly { key: string; value: Uint8Array | null; headers?: Headers }[],
    apart = false,
  ): Promise<void> {
    const producer = await this.ports.log.producer('test')
    const topic = this.topic.name
    const all = records.map(({ key, ...record }) => ({ ...record, topic, key: Buffer.from(key) }))
    if (apart) for (const record of all) await producer.append([record])
    else await producer.append(all)
    await producer.close()
  }

  /** Runs the stream stage in this thread. */
  async runStream(run: StreamRun = {}): Promise<void> {
    const drain = new AbortController()
    run.drain?.addEventListener('abort', () => drain.abort())
    const ports = run.ports ?? this.ports
    const log = run.untilIdle === false ? ports.log : endWhenIdle(ports.log, () => drain.abort())
    await runStream({
      declaration: { stage: this.stream, topic: this.topic, table: this.table, map: run.map ?? null },
      ...ports,
      log,
      clock: systemClock,
      random: seededRandom('test'),
      logger: this.logger,
      limits: { ...defaultStreamLimits, idleMs: 5, backoff: { firstMs: 1, maxMs: 2 }, ...run.limits },
      member: 'test',
      drain: drain.signal,
      stop: new AbortController().signal,
      onState: run.onState ?? (() => {}),
      onProgress: progress => void this.progress.push(progress),
    })
  }

  async rows(): Promise<readonly StoredRow[]> {
    return (await this.ports.tables.admin.rows(this.table, { limit: 1000 })).items
  }

  /** Every record of the topic, partition by partition. */
  async records(topic = this.topic.name): Promise<readonly LogRecord[]> {
    const ranges = await this.ports.log.admin.ranges(topic)
    const options = { maxRecords: 100_000, maxBytes: 1 << 30, waitMs: 0 }
    return (
      await Promise.all(
        ranges.map(({ partition, start }) => this.ports.log.admin.read(topic, partition, start, options)),
      )
    ).flat()
  }

  /** Every dead letter as appended, repeats included. */
  async deadLetters(): Promise<readonly DeadLetter[]> {
    const records = await this.records(this.topic.deadLetterTopic)
    return records.map(record => fromDeadLetterRecord(record)!)
  }
}

/** A log whose subscriptions call `onIdle` at the first wait that brings nothing. */
function endWhenIdle(log: Log, onIdle: () => void): Log {
  return overriding(log, {
    subscribe: async options => {
      const subscription = await log.subscribe(options)
      return overriding(subscription, {
        next: async options => {
          const event = await subscription.next(options)
          if (event.kind === 'idle') onIdle()
          return event
        },
      })
    },
  })
}

/** An object that does as `target` but for the methods given. */
export function overriding<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, property) {
      const own = methods[property as keyof T]
      if (own !== undefined) return own
      const value = target[property as keyof T]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A table whose rows and checkpoint are not one write, as Cassandra's; `before` is called before each write. */
export function withoutCheckpoint(
  ports: Ports,
  before: (rows: readonly Row[], checkpoints: readonly Checkpoint[]) => Promise<void> = async () => {},
): Ports {
  const tables = overriding(ports.tables, {
    atomicCheckpoint: false,
    open: async (plan, stage) => {
      const opened = await ports.tables.open(plan, stage)
      return overriding(opened, {
        claim: async (...claim) => {
          await opened.claim(...claim)
          return null
        },
        write: async (rows, ...checkpoints) => {
          await before(rows, checkpoints)
          await opened.write(rows, ...checkpoints)
        },
      })
    },
  })
  return { ...ports, tables }
}
