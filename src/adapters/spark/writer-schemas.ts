import { canonicalAvro } from '../../plan/avro-canonical.ts'
import type { WriterSchema } from '../../ports/writer-schema.ts'
import type { Json } from '../../sdk/json.ts'

/**
 * What `millrace_decode` is told about the schemas of a topic's records, as JSON: by id the schema with its references
 * inlined, or why its records cannot be read.
 */
export function writerSchemasJson(writers: ReadonlyMap<number, WriterSchema>): string {
  const entries = [...writers].map(([id, writer]): [string, Json] => [
    String(id),
    writer.error === undefined ? canonicalAvro(writer.type) : { error: writer.error.message },
  ])
  return JSON.stringify(Object.fromEntries(entries))
}
