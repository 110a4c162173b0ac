import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Plan, type StreamPlan, stageId, tableId } from '../../plan/plan.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Processor, StageEvent } from '../../ports/processor.ts'
import type { TargetConfig } from '../../sdk/config.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { CassandraConfig } from '../../sdk/targets/cassandra.ts'
import type { KafkaConfig } from '../../sdk/targets/kafka.ts'
import type { SparkConfig } from '../../sdk/targets/spark.ts'
import type { Surroundings } from '../system/settings-reader.ts'
import { kafkaOptions } from './kafka-options.ts'
import { refusals } from './refusals.ts'
import { readSettings, type SparkSettings } from './settings.ts'
import { sinkJar } from './sink-jar.ts'
import { type SinkStage, sinkOptions } from './sink-options.ts'
import { SparkStage } from './spark-stage.ts'
import { StageControl } from './stage-control.ts'
import { StageRecords } from './stage-record.ts'
import type { StageSystems, StageToStart } from './stage-start.ts'

export interface SparkProcessorOptions extends Surroundings {
  readonly config: TargetConfig & { readonly processor: SparkConfig }
  /** The plan of each stream stage, by `<pipeline>/<stage>`. */
  readonly plans: { readonly [stage: string]: Plan }
  /** Opened when a query is to be started. */
  readonly systems: () => Promise<StageSystems>
  /** Where it is kept which queries there are. */
  readonly recordsDirectory: string
  /** @param stage its name without that of the pipeline */
  readonly logger: (stage: string) => Logger
  readonly clock: Clock
  readonly random: Random
}

/**
 * Runs each stream stage as a streaming query of Spark.
 * @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`.
 */
export function createSparkProcessor(options: SparkProcessorOptions): Processor {
  const { config, plans } = options
  const settings = readSettings(config.processor, options)
  const listeners = new Set<(event: StageEvent) => void>()
  const jar = once(() => readFileSync(sinkJar()))
  const emit = (event: StageEvent) => {
    for (const listener of listeners) listener(event)
  }
  const stages = new Map<string, SparkStage>()

  const find = (name: string): SparkStage => {
    const plan = plans[name]
    if (plan === undefined) {
      throw new MillraceError('STAGE_UNKNOWN', `There is no stream stage ${name}.`, {
        fix: `Known: ${Object.keys(plans).join(', ') || 'none'}.`,
      })
    }
    const stage = stages.get(name) ?? openStage(declarationOf(plan, name), { ...options, settings, jar, emit })
    stages.set(name, stage)
    return stage
  }

  return {
    refuses: plan => refusals(plan, { log: config.log.adapter, table: config.table.adapter }),
    start: async name => find(name).start(),
    drain: async (name, deadlineMs) => find(name).drain(deadlineMs),
    stop: async name => find(name).stop(),
    deploy: async name => find(name).deploy(),
    deployment: async name => find(name).deployment(),
    leave: async (name, deadlineMs) => find(name).leave(deadlineMs),
    status: async name => find(name).status(),
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      await Promise.all([...stages.values()].map(stage => stage.close()))
      listeners.clear()
    },
  }
}

interface StageOptions extends SparkProcessorOptions {
  readonly settings: SparkSettings
  readonly jar: () => Uint8Array
  readonly emit: (event: StageEvent) => void
}

function openStage(declaration: SinkStage, options: StageOptions): SparkStage {
  const { config, settings, clock, random, emit } = options
  const name = stageId(declaration.stage)
  const logger = options.logger(declaration.stage.name)
  const stage = (): StageToStart => {
    const kafka = kafkaOptions(requireAdapter<KafkaConfig>(config.log, 'kafka', declaration), options)
    const cassandra = requireAdapter<CassandraConfig>(config.table, 'cassandra', declaration)
    const sink = (checkpoint: string) => sinkOptions(cassandra, kafka, declaration, checkpoint, options)
    return { ...declaration, name, settings, jar: options.jar(), kafka, sink }
  }
  const control = new StageControl({
    ...{ name, stage, clock, random, logger, systems: options.systems },
    digest: digestOf(declaration, config, options.jar()),
    endpoint: settings.endpoint,
    records: new StageRecords(options.recordsDirectory),
  })
  return new SparkStage({ name, control, clock, random, logger, emit })
}

function declarationOf(plan: Plan, name: string): SinkStage {
  const stage = plan.stages.find((each): each is StreamPlan => each.kind === 'stream' && stageId(each) === name)
  const topic = plan.topics.find(each => each.name === stage?.from)
  const table = plan.tables.find(each => tableId(each) === stage?.into)
  if (stage !== undefined && topic !== undefined && table !== undefined) return { stage, topic, table }
  throw new MillraceError('INVARIANT_BROKEN', `The plan of ${name} does not have all of it.`)
}

/** Callers ask `refuses` first, which says it with the place. */
function requireAdapter<C extends { readonly adapter: string }>(
  config: { readonly adapter: string },
  adapter: C['adapter'],
  { stage }: SinkStage,
): C {
  if (config.adapter === adapter) return config as C
  throw new MillraceError('PLAN_UNSUPPORTED', `${stageId(stage)} on Spark needs ${adapter}.`)
}

/** Of everything that makes a query what it is, as declared: secrets are not in it. */
function digestOf(
  { stage, topic, table }: SinkStage,
  { log, table: database, processor }: TargetConfig,
  jar: Uint8Array,
): string {
  const { name, key, value, avro, deadLetterTopic } = topic
  const declared = [stage, { name, key, value, avro, deadLetterTopic }, table, log, database, processor]
  return createHash('sha256').update(JSON.stringify(declared)).update(jar).digest('hex')
}

function once<T extends object>(work: () => T): () => T {
  let result: T | null = null
  return () => {
    result ??= work()
    return result
  }
}
