import type { Json } from '../sdk/json.ts'
import type { Page, PageRequest } from './paging.ts'

export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const

export type Compatibility = (typeof compatibilityLevels)[number]

/**
 * Avro schemas by subject and version, with Confluent Schema Registry's meaning of every call. Ids belong to one
 * registry: the same schema may have another id elsewhere, so an id is only ever looked up where it was written.
 */
export interface SchemaRegistry {
  /**
   * The same schema gives the same id and version, whatever its white space or key order.
   * @throws MillraceError `SCHEMA_INVALID`; `SCHEMA_INCOMPATIBLE` with every incompatibility in the message.
   */
  register(subject: string, schema: Json, references?: readonly SchemaReference[]): Promise<RegisteredSchema>
  /** Where this schema is registered under the subject, if it is. */
  lookup(subject: string, schema: Json, references?: readonly SchemaReference[]): Promise<RegisteredSchema | null>
  /** @throws MillraceError `SCHEMA_UNKNOWN`. */
  byId(id: number): Promise<StoredSchema>
  /** @throws MillraceError `SUBJECT_UNKNOWN`, `SCHEMA_VERSION_UNKNOWN`. */
  version(subject: string, version: number | 'latest'): Promise<RegisteredSchema>
  /** Ascending; without the soft-deleted. @throws MillraceError `SUBJECT_UNKNOWN`. */
  versions(subject: string): Promise<readonly number[]>
  subjects(page?: PageRequest & { readonly deleted?: boolean }): Promise<Page<string>>
  /** Every reason why the schema cannot become the subject's next version; empty when it can. */
  check(subject: string, schema: Json, references?: readonly SchemaReference[]): Promise<readonly Incompatibility[]>
  /** The level in force: the subject's own, else the global one (BACKWARD unless changed). */
  compatibility(subject?: string): Promise<Compatibility>
  /** Null takes a subject's own level away. @throws MillraceError `COMPATIBILITY_INVALID`. */
  setCompatibility(level: Compatibility | null, subject?: string): Promise<void>
  /** Soft unless `permanent`, which requires a soft delete before. Returns the versions deleted. */
  deleteSubject(subject: string, options?: { readonly permanent?: boolean }): Promise<readonly number[]>
  deleteVersion(subject: string, version: number, options?: { readonly permanent?: boolean }): Promise<void>
  close(): Promise<void>
}

export interface SchemaReference {
  /** The full name the schema uses. */
  readonly name: string
  readonly subject: string
  readonly version: number
}

export interface StoredSchema {
  readonly id: number
  readonly schema: Json
  readonly references: readonly SchemaReference[]
}

export interface RegisteredSchema extends StoredSchema {
  readonly subject: string
  readonly version: number
}

export interface Incompatibility {
  /** The version it was compared with. */
  readonly version: number
  /** Which side could not read the other. */
  readonly direction: 'backward' | 'forward'
  /** Avro's name of the fault, as Confluent prints it: `READER_FIELD_MISSING_DEFAULT_VALUE`, `TYPE_MISMATCH`, … */
  readonly kind: string
  /** Path in the reader's schema, such as `/fields/3/type`. */
  readonly path: string
  readonly reason: string
}
