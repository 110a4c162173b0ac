import { createHash } from 'node:crypto'
import { canonicalAvro } from '../../../plan/avro-canonical.ts'
import { type AvroNamed, type AvroType, parseAvro } from '../../../plan/avro-schema.ts'
import { comparedVersions, incompatibilities, incompatible } from '../../../ports/compatibility.ts'
import type { Page, PageRequest } from '../../../ports/paging.ts'
import {
  type Compatibility,
  compatibilityLevels,
  type Incompatibility,
  type RegisteredSchema,
  type SchemaReference,
  type SchemaRegistry,
  type StoredSchema,
} from '../../../ports/schema-registry.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import type { Json } from '../../../sdk/json.ts'
import { SchemaStore, type StoredText, type StoredVersion } from './store.ts'

/** Largest schema in characters of its canonical text. */
const maxSchemaLength = 1_048_576
/** Most references of one schema, those of its references included. */
const maxReferences = 100
const maxSubjectLength = 512

/**
 * A schema registry in one SQLite file, with Confluent Schema Registry's meaning of every call (schema
 * normalisation off). Any number of processes and threads may have the file open.
 * @throws MillraceError `STATE_VERSION`, `STATE_READ_ONLY`, `STATE_CORRUPT`, …
 */
export function openEmbeddedRegistry(options: { readonly path: string }): SchemaRegistry {
  return new EmbeddedRegistry(new SchemaStore(options.path))
}

/** A schema as it was given, read and put into its one form. */
interface Candidate {
  readonly type: AvroType
  readonly text: string
  readonly references: readonly SchemaReference[]
  readonly identity: Uint8Array
}

class EmbeddedRegistry implements SchemaRegistry {
  readonly #store: SchemaStore

  constructor(store: SchemaStore) {
    this.#store = store
  }

  async register(
    subject: string,
    schema: Json,
    references: readonly SchemaReference[] = [],
  ): Promise<RegisteredSchema> {
    checkSubject(subject)
    const candidate = this.#candidate(schema, references)
    return this.#find(subject, candidate) ?? this.#store.write(() => this.#add(subject, candidate))
  }

  #add(subject: string, candidate: Candidate): RegisteredSchema {
    // Another process may have registered it, or something it does not fit, since it was looked for.
    const found = this.#find(subject, candidate)
    if (found !== null) return found
    const problems = this.#problems(subject, candidate)
    if (problems.length > 0) throw incompatible(subject, problems)

    const { text, references, identity } = candidate
    const id = this.#store.byIdentity(identity)?.id ?? this.#store.addSchema(text, references, identity)
    const earlier = this.#store.versions(subject)
    const version = (earlier.at(-1)?.version ?? 0) + 1
    this.#store.addVersion(subject, version, id)
    // As Confluent has it, the same schema is not kept twice, once deleted and once not.
    for (const old of earlier) {
      if (old.id === id && this.#store.referrers(subject, old.version, true).length === 0) {
        this.#store.remove(subject, old.version, id)
      }
    }
    return { id, subject, version, schema: JSON.parse(text), references }
  }

  async lookup(
    subject: string,
    schema: Json,
    references: readonly SchemaReference[] = [],
  ): Promise<RegisteredSchema | null> {
    return this.#find(subject, this.#candidate(schema, references))
  }

  #find(subject: string, { identity }: Candidate): RegisteredSchema | null {
    const stored = this.#store.byIdentity(identity)
    if (stored === null) return null
    const row = this.#live(subject).find(({ id }) => id === stored.id)
    return row === undefined ? null : registered(subject, row)
  }

  async byId(id: number): Promise<StoredSchema> {
    const stored = this.#store.byId(id)
    if (stored === null) throw new MillraceError('SCHEMA_UNKNOWN', `The registry has no schema with the id ${id}.`)
    return { id, schema: JSON.parse(stored.text), references: stored.references }
  }

  async version(subject: string, version: number | 'latest'): Promise<RegisteredSchema> {
    if (version === 'latest') return registered(subject, this.#live(subject).at(-1) ?? throwUnknown(subject))
    const row = this.#store.version(subject, version)
    if (row === null || row.deleted) throw this.#unknownVersion(subject, version, false)
    return registered(subject, row)
  }

  async versions(subject: string): Promise<readonly number[]> {
    const live = this.#live(subject)
    if (live.length === 0) throw unknownSubject(subject)
    return live.map(({ version }) => version)
  }

  async subjects(page: PageRequest & { readonly deleted?: boolean } = {}): Promise<Page<string>> {
    const limit = Math.min(Math.max(page.limit ?? 100, 1), 1_000)
    const found = this.#store.subjects(page.after ?? '', limit + 1, page.deleted ?? false)
    const items = found.slice(0, limit)
    return { items, next: found.length > limit ? items.at(-1)! : null }
  }

  async check(
    subject: string,
    schema: Json,
    references: readonly SchemaReference[] = [],
  ): Promise<readonly Incompatibility[]> {
    return this.#problems(subject, this.#candidate(schema, references))
  }

  async compatibility(subject?: string): Promise<Compatibility> {
    return this.#level(subject)
  }

  async setCompatibility(level: Compatibility | null, subject?: string): Promise<void> {
    if (subject !== undefined) checkSubject(subject)
    if (level !== null && !compatibilityLevels.includes(level)) {
      throw new MillraceError('COMPATIBILITY_INVALID', `${JSON.stringify(level)} is no compatibility level.`, {
        fix: `Use one of ${compatibilityLevels.join(', ')}.`,
      })
    }
    this.#store.write(() => this.#store.setLevel(subject ?? '', level))
  }

  async deleteSubject(subject: string, options: { readonly permanent?: boolean } = {}): Promise<readonly number[]> {
    return this.#store.write(() => {
      const all = this.#store.versions(subject)
      const live = all.filter(({ deleted }) => !deleted)
      if (all.length === 0) throw unknownSubject(subject)
      const permanent = options.permanent ?? false
      if (permanent && live.length > 0) throw notSoftDeleted(subject)
      if (!permanent && live.length === 0) throw alreadySoftDeleted(subject)

      const rows = permanent ? all : live
      for (const { version } of rows) {
        const others = this.#store.referrers(subject, version, permanent).filter(referrer => referrer !== subject)
        if (others.length > 0) throw referenced(subject, version, others)
      }
      for (const { version, id } of rows) {
        if (permanent) this.#store.remove(subject, version, id)
        else this.#store.softDelete(subject, version)
      }
      if (permanent) this.#store.setLevel(subject, null)
      return rows.map(({ version }) => version)
    })
  }

  async deleteVersion(subject: string, version: number, options: { readonly permanent?: boolean } = {}): Promise<void> {
    this.#store.write(() => {
      const row = this.#store.version(subject, version)
      const permanent = options.permanent ?? false
      if (row === null) throw this.#unknownVersion(subject, version, true)
      if (permanent && !row.deleted) throw notSoftDeleted(`${subject} version ${version}`)
      if (!permanent && row.deleted) throw alreadySoftDeleted(`${subject} version ${version}`)
      const referrers = this.#store.referrers(subject, version, permanent)
      if (referrers.length > 0) throw referenced(subject, version, referrers)

      if (!permanent) return this.#store.softDelete(subject, version)
      this.#store.remove(subject, version, row.id)
      if (this.#store.versions(subject).length === 0) this.#store.setLevel(subject, null)
    })
  }

  async close(): Promise<void> {
    this.#store.close()
  }

  #level(subject?: string): Compatibility {
    const own = subject === undefined ? null : this.#store.level(subject)
    return own ?? this.#store.level('') ?? 'BACKWARD'
  }

  #problems(subject: string, { type }: Candidate): readonly Incompatibility[] {
    const level = this.#level(subject)
    const compared = comparedVersions(level, this.#live(subject)).map(row => ({
      version: row.version,
      type: parseAvro(JSON.parse(row.text), { known: this.#known(row.references), checkDefaults: false }).type,
    }))
    return incompatibilities(level, type, compared)
  }

  #live(subject: string): readonly StoredVersion[] {
    return this.#store.versions(subject).filter(({ deleted }) => !deleted)
  }

  #candidate(schema: Json, given: readonly SchemaReference[]): Candidate {
    const references = given.map(({ name, subject, version }) => ({ name, subject, version }))
    const known = this.#known(references)
    const { type } = parseAvro(schema, { known })
    const text = JSON.stringify(canonicalAvro(type, known.keys()))
    if (text.length > maxSchemaLength) {
      throw new MillraceError(
        'SCHEMA_INVALID',
        `The schema has ${text.length} characters; ${maxSchemaLength} are allowed.`,
      )
    }
    const identity = createHash('sha256')
      .update(JSON.stringify([text, references]))
      .digest()
    return { type, text, references, identity }
  }

  /** The types that references bring into a schema, by full name. */
  #known(references: readonly SchemaReference[]): ReadonlyMap<string, AvroNamed> {
    const seen = new Set<string>()
    const bring = (wanted: readonly SchemaReference[], known: ReadonlyMap<string, AvroNamed>) =>
      wanted.reduce((known, { subject, version }): ReadonlyMap<string, AvroNamed> => {
        const place = `${subject} version ${version}`
        if (seen.has(place)) return known
        seen.add(place)
        if (seen.size > maxReferences) throw invalidReference(place, `is one more than the ${maxReferences} allowed`)
        const stored: StoredText | null = this.#store.version(subject, version)
        if (stored === null) throw invalidReference(place, 'does not exist')
        const types = bring(stored.references, known)
        return parseAvro(JSON.parse(stored.text), { known: types, checkDefaults: false }).named
      }, known)
    return bring(references, new Map())
  }

  #unknownVersion(subject: string, version: number, countDeleted: boolean): MillraceError {
    const rows = countDeleted ? this.#store.versions(subject) : this.#live(subject)
    if (rows.length === 0) return unknownSubject(subject)
    const versions = rows.map(row => row.version)
    return new MillraceError('SCHEMA_VERSION_UNKNOWN', `Subject ${subject} has no version ${version}.`, {
      place: subject,
      fix: `Its versions are ${versions.slice(-20).join(', ')}.`,
    })
  }
}

function registered(subject: string, row: StoredVersion): RegisteredSchema {
  const { id, version, text, references } = row
  return { id, subject, version, schema: JSON.parse(text), references }
}

function checkSubject(subject: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what a subject must not have
  if (subject.length > 0 && subject.length <= maxSubjectLength && !/[\u0000-\u001f]/.test(subject)) return
  throw new MillraceError('NAME_INVALID', `${JSON.stringify(subject.slice(0, 60))} is no name of a subject.`, {
    fix: `Use 1 to ${maxSubjectLength} characters without control characters.`,
  })
}

function throwUnknown(subject: string): never {
  throw unknownSubject(subject)
}

function unknownSubject(subject: string): MillraceError {
  return new MillraceError('SUBJECT_UNKNOWN', `The registry has no subject ${subject}.`, { place: subject })
}

function notSoftDeleted(what: string): MillraceError {
  return new MillraceError('SUBJECT_NOT_SOFT_DELETED', `Subject ${what} was not soft-deleted yet.`, {
    fix: 'Delete it softly first, then for good.',
  })
}

function alreadySoftDeleted(what: string): MillraceError {
  return new MillraceError('SUBJECT_SOFT_DELETED', `Subject ${what} was soft-deleted before.`, {
    fix: 'Delete it with permanent to delete it for good.',
  })
}

function referenced(subject: string, version: number, referrers: readonly string[]): MillraceError {
  const some = referrers.slice(0, 10).join(', ')
  return new MillraceError('SCHEMA_REFERENCED', `Schemas of ${some} refer to ${subject} version ${version}.`, {
    place: subject,
    fix: 'Delete those first.',
  })
}

function invalidReference(place: string, what: string): MillraceError {
  return new MillraceError('SCHEMA_INVALID', `The schema refers to ${place}, which ${what}.`, { place })
}
