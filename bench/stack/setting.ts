import { resolve } from 'node:path'
import { applyPlan } from '../../src/engine/deploy.ts'
import { openToTopicRecord } from '../../src/engine/ingest.ts'
import { compileTransform } from '../../src/engine/transform.ts'
import type { IngestPlan, StreamPlan, TablePlan, TopicPlan } from '../../src/plan/plan.ts'
import type { Log, NewRecord } from '../../src/ports/log.ts'
import { partitionOf } from '../../src/ports/partitioner.ts'
import { type LoadedPipeline, loadPipelines, loadProject, targetConfig } from '../../src/project.ts'
import { compileParser } from '../../src/sdk/parse.ts'
import { ingestDeclaration } from '../../src/stages.ts'
import { openTarget, type Target } from '../../src/targets.ts'
import { benchUser, userId } from '../user.ts'

/** How users are written to a topic: as Millrace does it, or as the plain programs read it. */
export type Format = 'avro' | 'json'

/** The users pipeline on the engines of the benchmark, and a topic beside its own with the same users in JSON. */
export interface Setting {
  readonly statePath: string
  readonly target: Target
  readonly log: Log
  readonly pipeline: LoadedPipeline
  readonly ingest: IngestPlan
  readonly stream: StreamPlan
  readonly table: TablePlan
  readonly topics: { readonly [format in Format]: TopicPlan }
  /** Of the topic's records in Avro. */
  readonly schemaId: number
  /** User number `n` as a record; the same user in both formats, and another for each number. */
  record(format: Format, n: number): NewRecord
  close(): Promise<void>
}

/** @param statePath a directory of its own */
export async function openSetting(statePath: string): Promise<Setting> {
  const project = await loadProject(resolve(import.meta.dirname, '../project'))
  const [pipeline] = await loadPipelines(project, ['users'])
  const { plan } = pipeline!
  const target = await openTarget({
    config: targetConfig(project, 'bench'),
    statePath,
    projectDirectory: project.directory,
    env: process.env,
  })
  const [log, registry, tables, orchestrator] = await Promise.all([
    ...([target.log(), target.registry(), target.tables(), target.orchestrator()] as const),
  ])
  await applyPlan(plan, { log, registry, tables, orchestrator })
  const ingest = plan.stages.find(stage => stage.kind === 'ingest')!
  const stream = plan.stages.find(stage => stage.kind === 'stream')!
  const [avro] = plan.topics
  const json = { ...avro!, name: `${avro!.name}_json` }
  if ((await log.admin.topic(json.name)) === null) await log.admin.createTopic(json)

  const registered = await registry.lookup(avro!.subject, avro!.avro)
  const toAvro = await openToTopicRecord(ingestDeclaration(pipeline!, ingest), registry)
  const parse = compileParser(ingest.source.schema)
  const select = compileTransform(ingest, null, ingest.source.schema, avro!.value)
  return {
    ...{
      statePath,
      target,
      log,
      ingest,
      stream,
      pipeline: pipeline!,
      table: plan.tables[0]!,
      topics: { avro: avro!, json },
    },
    schemaId: registered!.id,
    record(format, n) {
      const user = benchUser(n)
      if (format === 'avro') return toAvro({ value: user })!
      const parsed = parse(user)
      if (parsed.issues !== undefined) throw new Error(`User ${n} is none.`)
      const row = select(parsed.value as Parameters<typeof select>[0])
      return { topic: json.name, key: Buffer.from(user.login.uuid), value: Buffer.from(JSON.stringify(row)) }
    },
    close: () => target.close(),
  }
}

const recordsPerAppend = 2_000

/** Fills the topics with users from 0 on, and gives the ids of the last of each partition. */
export async function fill(
  { log, record, topics }: Setting,
  formats: readonly Format[],
  users: number,
): Promise<readonly string[]> {
  const last = new Map<number, string>()
  const producer = await log.producer('bench')
  try {
    for (let from = 0; from < users; from += recordsPerAppend) {
      const numbers = Array.from({ length: Math.min(recordsPerAppend, users - from) }, (_, index) => from + index)
      for (const format of formats) await producer.append(numbers.map(n => record(format, n)))
      for (const n of numbers) {
        const id = userId(n)
        last.set(partitionOf(Buffer.from(id), topics.avro.partitions), id)
      }
    }
  } finally {
    await producer.close()
  }
  return [...last.values()]
}

/** Sets the stage back to the start of its topic; no member may be left. */
export async function rewind({ log, stream }: Setting): Promise<void> {
  const ranges = await log.admin.ranges(stream.from)
  await log.admin.resetOffsets(
    ranges.map(({ partition, start }) => ({
      ...{ group: stream.group, topic: stream.from, partition, next: start, metadata: '' },
    })),
  )
}
