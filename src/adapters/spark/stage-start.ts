import type { Log, LogAdmin } from '../../ports/log.ts'
import type { SchemaRegistry } from '../../ports/schema-registry.ts'
import type { TableStore } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { StreamingQuery } from './connect/queries.ts'
import type { Session } from './connect/session.ts'
import { requireRealTime } from './real-time.ts'
import type { SparkSettings } from './settings.ts'
import { type SinkStage, sinkFormat } from './sink-options.ts'
import { stageQuery } from './stage-query.ts'
import { readStanding, startingPoint } from './starting-point.ts'
import { topicWriters } from './topic-writers.ts'

/** The target's other systems, as Node reaches them. */
export interface StageSystems {
  readonly log: Log
  readonly registry: SchemaRegistry
  readonly tables: TableStore
}

export interface StageToStart extends SinkStage {
  /** `<pipeline>/<stage>`, and the query's name. */
  readonly name: string
  readonly settings: SparkSettings
  readonly jar: Uint8Array
  /** Of Spark's Kafka source. */
  readonly kafka: { readonly [option: string]: string }
  /** @param checkpoint its name */
  readonly sink: (checkpoint: string) => { readonly [option: string]: string }
}

/**
 * Starts the query of a stage in a session, which then has all that the query needs.
 * @param schemaIds that records were met with, beside those of the topic's subject
 * @throws SparkError; MillraceError `RUN_STATE` while Node runs the stage, `TABLE_UNKNOWN`, `CONFIG_INVALID` as `requireTrigger`,
 *   and what the systems throw.
 */
export async function startStage(
  stage: StageToStart,
  { log, registry, tables }: StageSystems,
  session: Session,
  schemaIds: readonly number[],
  signal: AbortSignal,
): Promise<StreamingQuery> {
  const { name, settings, topic, table } = stage
  const uploading = session.upload([{ name: 'jars/millrace-spark-sink.jar', data: stage.jar }], signal)
  // It is waited for below, unless something else fails before.
  uploading.catch(() => {})
  const written = await tables.open(table, name)
  await written.close()
  await requireNoMembers(stage.stage.group, log.admin)
  await requireTrigger(stage, log.admin, session, signal)
  const point = startingPoint(await readStanding(stage, log.admin, tables.admin))
  const { maxOffsetsPerTrigger } = settings
  const query = stageQuery({
    ...{ stage: stage.stage, topic, table },
    writers: await topicWriters(topic, schemaIds, registry),
    kafka: {
      ...stage.kafka,
      startingOffsets: point.offsets,
      // What an append has not finished, or gave up, is no record of the topic.
      'kafka.isolation.level': 'read_committed',
      ...(maxOffsetsPerTrigger !== null && { maxOffsetsPerTrigger: String(maxOffsetsPerTrigger) }),
    },
  })
  await uploading
  await session.configure({ ...settings.conf, ...query.settings }, signal)
  for (const { name, className, returns } of query.functions) {
    await session.registerFunction(name, className, returns, signal)
  }
  const checkpointLocation = `${settings.checkpoints}/${name}/${point.checkpoint}`
  const options = {
    ...stage.sink(point.checkpoint),
    checkpointLocation,
    // Spark 4.3 wants that said in real-time mode.
    ...(settings.trigger.real_time_batch_duration !== undefined && { asyncProgressTrackingEnabled: 'false' }),
  }
  const start = { input: query.relation, format: sinkFormat, options, query_name: name, ...settings.trigger }
  return session.queries.start(start, signal)
}

/** @throws MillraceError `CONFIG_INVALID` for a trigger that the stage cannot have on this Spark. */
export async function requireTrigger(
  { settings, topic }: StageToStart,
  log: LogAdmin,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  if (settings.trigger.real_time_batch_duration === undefined) return
  const { length: partitions } = await log.ranges(topic.name)
  await requireRealTime(session, { topic: topic.name, partitions }, signal)
}

/** A stage belongs to Node or to Spark: workers of both at once would each give the versions of rows. */
async function requireNoMembers(group: string, log: LogAdmin): Promise<void> {
  for (let after: string | null | undefined; after !== null; ) {
    const page = await log.groups(after === undefined ? {} : { after })
    const members = page.items.find(each => each.group === group)?.members ?? []
    if (members.length > 0) {
      throw new MillraceError('RUN_STATE', `The stage runs on Node: its group has ${members.length} members.`, {
        place: group,
        fix: 'Stop them (`millrace run` or `dev` on a target without Spark). One that was killed is counted until its session is over.',
        retry: 'later',
      })
    }
    after = page.next
  }
}
