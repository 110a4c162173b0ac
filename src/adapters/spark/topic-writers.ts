import { parseAvro } from '../../plan/avro-schema.ts'
import type { TopicPlan } from '../../plan/plan.ts'
import type { SchemaRegistry } from '../../ports/schema-registry.ts'
import { type WriterSchema, writerSchema } from '../../ports/writer-schema.ts'
import { MillraceError } from '../../sdk/errors.ts'

/** Versions of a subject that a query is told of at its start, the newest; it asks for others when it meets them. */
const maxVersions = 100

/**
 * The schemas that records of a topic may be written with: those of its subject, and others of which records were met.
 * @param ids of those others; one that the registry does not have makes dead letters of its records
 * @throws MillraceError whatever the registry throws when it cannot answer.
 */
export async function topicWriters(
  topic: TopicPlan,
  ids: readonly number[],
  registry: SchemaRegistry,
): Promise<ReadonlyMap<number, WriterSchema>> {
  const reader = parseAvro(topic.avro).type
  const wanted = new Set([...(await subjectIds(topic.subject, registry)), ...ids])
  const writers = new Map<number, WriterSchema>()
  for (const id of wanted) writers.set(id, await writerSchema(id, reader, registry))
  return writers
}

async function subjectIds(subject: string, registry: SchemaRegistry): Promise<readonly number[]> {
  const versions = await registry.versions(subject).catch(thrown => {
    if (thrown instanceof MillraceError && thrown.code === 'SUBJECT_UNKNOWN') return []
    throw thrown
  })
  const ids: number[] = []
  for (const version of versions.slice(-maxVersions)) ids.push((await registry.version(subject, version)).id)
  return ids
}
