import { readingFaults } from '../plan/avro-compatibility.ts'
import { referencedTypes } from '../plan/avro-references.ts'
import { type AvroType, parseAvro } from '../plan/avro-schema.ts'
import { asMillraceError, MillraceError } from '../sdk/errors.ts'
import type { SchemaRegistry } from './schema-registry.ts'

/** The schema that records of one id were written with, or why none of them can be read as the topic's. */
export type WriterSchema =
  | { readonly type: AvroType; readonly error?: undefined }
  /** What is not `final` may be otherwise when asked again. */
  | { readonly error: MillraceError; readonly final: boolean }

/**
 * Looks up a schema id of a record, so that every processor that reads the topic decides alike.
 * @throws MillraceError whatever the registry throws when it cannot answer: that concerns no record.
 */
export async function writerSchema(
  id: number,
  reader: AvroType,
  registry: Pick<SchemaRegistry, 'byId' | 'version'>,
): Promise<WriterSchema> {
  let type: AvroType
  try {
    const { schema, references } = await registry.byId(id)
    const known = await referencedTypes(references, (subject, version) => registry.version(subject, version))
    type = parseAvro(schema, { known, checkDefaults: false }).type
  } catch (thrown) {
    const error = asMillraceError(thrown)
    if (!missingSchema.includes(error.code)) throw thrown
    // Registries copy each other with some delay, so what is unknown now is asked for again.
    return { error: unreadable(id, error.message, thrown), final: error.code === 'SCHEMA_INVALID' }
  }
  const faults = readingFaults(reader, type)
  if (faults.length === 0) return { type }
  const reasons = faults.map(({ kind, path, reason }) => `${kind} at ${path}: ${reason}`)
  return { error: unreadable(id, reasons.join(' ')), final: true }
}

const missingSchema: readonly string[] = [
  'SCHEMA_UNKNOWN',
  'SCHEMA_INVALID',
  'SUBJECT_UNKNOWN',
  'SCHEMA_VERSION_UNKNOWN',
]

/** The error of every record of a schema that cannot be read. */
export function unreadable(id: number, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('RECORD_UNDECODABLE', `Records of schema ${id} cannot be read as this topic's: ${reason}`, {
    fix: 'Make the schema readable or known, then replay these dead letters.',
    cause,
  })
}
