import { MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'
import { type AvroNamed, parseAvro } from './avro-schema.ts'

/** Where another schema is registered. */
export interface AvroReference {
  readonly subject: string
  readonly version: number
}

export interface ReferencingSchema {
  readonly schema: Json
  readonly references: readonly AvroReference[]
}

/** Referenced schemas in all; a registry would not accept more either. */
const maxReferences = 100

/**
 * The types that references, and the references of those, bring into a schema: by full name.
 * @throws MillraceError `SCHEMA_INVALID`; whatever `read` throws.
 */
export async function referencedTypes(
  references: readonly AvroReference[],
  read: (subject: string, version: number) => Promise<ReferencingSchema>,
): Promise<ReadonlyMap<string, AvroNamed>> {
  const seen = new Set<string>()
  const bring = async (wanted: readonly AvroReference[], known: ReadonlyMap<string, AvroNamed>) => {
    let types = known
    for (const { subject, version } of wanted) {
      const place = `${subject} version ${version}`
      if (seen.has(place)) continue
      seen.add(place)
      if (seen.size > maxReferences) {
        throw new MillraceError('SCHEMA_INVALID', `It has more than ${maxReferences} references.`)
      }
      const referenced = await read(subject, version)
      types = await bring(referenced.references, types)
      types = parseAvro(referenced.schema, { known: types, checkDefaults: false }).named
    }
    return types
  }
  return bring(references, new Map())
}
