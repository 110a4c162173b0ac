import { canonicalAvro } from '../../plan/avro-canonical.ts'
import { referencedTypes } from '../../plan/avro-references.ts'
import { type AvroType, parseAvro } from '../../plan/avro-schema.ts'
import type { Clock, Random } from '../../ports/clock.ts'
import { comparedVersions, type EarlierVersion, incompatibilities, incompatible } from '../../ports/compatibility.ts'
import type { Page, PageRequest } from '../../ports/paging.ts'
import type {
  Compatibility,
  Incompatibility,
  RegisteredSchema,
  SchemaReference,
  SchemaRegistry,
  StoredSchema,
} from '../../ports/schema-registry.ts'
import { type ErrorCode, MillraceError } from '../../sdk/errors.ts'
import type { Json } from '../../sdk/json.ts'
import type { SchemaRegistryConfig } from '../../sdk/targets/schema-registry.ts'
import type { Surroundings } from '../system/settings-reader.ts'
import { readId, readLevel, readNames, readRegistered, readStored, readVerdict, readVersions } from './answers.ts'
import { type Client, openClient } from './client.ts'
import { noLevelCode, RegistryRefusal } from './refusal.ts'
import { SchemaCache } from './schema-cache.ts'
import { readSettings } from './settings.ts'

/** Ids and versions are 32-bit integers of Java; what lies beyond cannot even be asked for. */
const maxId = 2 ** 31 - 1
const maxSubjectLength = 512
/** Subjects asked for at a time, and in all. */
const subjectsAtATime = 1_000
const maxSubjects = 100_000

export interface SchemaRegistryOptions extends Surroundings {
  readonly clock: Clock
  readonly random: Random
}

/**
 * A registry that speaks Confluent's REST API. Connects when first asked something.
 *
 * Every call may throw `REGISTRY_UNREACHABLE`, `REGISTRY_FAILED`, `REGISTRY_REFUSED` or `REGISTRY_MALFORMED`, after the
 * tries that the configuration allows.
 * @throws MillraceError `CONFIG_INVALID`, `DURATION_INVALID`.
 */
export async function openSchemaRegistry(
  config: SchemaRegistryConfig,
  options: SchemaRegistryOptions,
): Promise<SchemaRegistry> {
  return new RestSchemaRegistry(openClient(readSettings(config, options), options.clock, options.random))
}

/** A schema as it was given, checked, and as it is sent. */
interface Candidate {
  readonly type: AvroType
  readonly body: string
}

class RestSchemaRegistry implements SchemaRegistry {
  readonly #client: Client
  /** Of ids only: what a subject has may be changed by others at any time. */
  readonly #schemas = new SchemaCache()

  constructor(client: Client) {
    this.#client = client
  }

  async register(
    subject: string,
    schema: Json,
    references: readonly SchemaReference[] = [],
  ): Promise<RegisteredSchema> {
    const candidate = await this.#candidate(schema, references)
    // Looked for first: who may only read can still deploy what is there.
    return (await this.#find(subject, candidate)) ?? this.#add(subject, candidate)
  }

  async #add(subject: string, candidate: Candidate): Promise<RegisteredSchema> {
    const path = `${subjectPath(subject)}/versions`
    let answer: Json
    try {
      answer = await this.#client.call({ method: 'POST', path, body: candidate.body })
    } catch (thrown) {
      if (!isCode(thrown, 'SCHEMA_INCOMPATIBLE')) throw thrown
      throw incompatible(subject, await this.#reasons(subject, candidate, [thrown.message]))
    }
    // Most registries answer with the id alone.
    const found = await this.#find(subject, candidate)
    if (found !== null) return found
    throw new MillraceError('REGISTRY_FAILED', `The registry took schema ${readId(answer)} but does not show it yet.`, {
      place: subject,
    })
  }

  async lookup(
    subject: string,
    schema: Json,
    references: readonly SchemaReference[] = [],
  ): Promise<RegisteredSchema | null> {
    return this.#find(subject, await this.#candidate(schema, references))
  }

  async #find(subject: string, { body }: Candidate): Promise<RegisteredSchema | null> {
    try {
      return readRegistered(await this.#client.call({ method: 'POST', path: subjectPath(subject), body }))
    } catch (thrown) {
      if (isCode(thrown, 'SUBJECT_UNKNOWN') || isCode(thrown, 'SCHEMA_UNKNOWN')) return null
      throw thrown
    }
  }

  async byId(id: number): Promise<StoredSchema> {
    const known = this.#schemas.get(id)
    if (known !== undefined) return known
    if (!isId(id)) throw new MillraceError('SCHEMA_UNKNOWN', `The registry has no schema with the id ${id}.`)
    const { value, length } = readStored(id, await this.#get(`/schemas/ids/${id}`))
    this.#schemas.set(value, length)
    return value
  }

  async version(subject: string, version: number | 'latest'): Promise<RegisteredSchema> {
    if (version !== 'latest' && !isId(version)) throw unknownVersion(subject, version)
    return readRegistered(await this.#get(`${subjectPath(subject)}/versions/${version}`))
  }

  async versions(subject: string): Promise<readonly number[]> {
    return readVersions(await this.#get(`${subjectPath(subject)}/versions`))
  }

  /** Asks for all subjects and cuts the page out of them: no offset is stable while others register and delete. */
  async subjects({ after = '', limit = 100, deleted = false }: SubjectRequest = {}): Promise<Page<string>> {
    const most = Math.min(Math.max(limit, 1), 1_000)
    const names = (await this.#allSubjects(deleted)).filter(name => name > after).sort()
    const items = names.slice(0, most)
    return { items, next: names.length > most ? items.at(-1)! : null }
  }

  async #allSubjects(deleted: boolean): Promise<readonly string[]> {
    const names = new Set<string>()
    for (let offset = 0; offset < maxSubjects; offset += subjectsAtATime) {
      const query = `?offset=${offset}&limit=${subjectsAtATime}${deleted ? '&deleted=true' : ''}`
      const page = readNames(await this.#get(`/subjects${query}`))
      const before = names.size
      for (const name of page) names.add(name)
      // A registry too old to know offset and limit answers with everything, each time.
      if (page.length !== subjectsAtATime || names.size === before) break
    }
    return [...names]
  }

  async check(
    subject: string,
    schema: Json,
    references: readonly SchemaReference[] = [],
  ): Promise<readonly Incompatibility[]> {
    const candidate = await this.#candidate(schema, references)
    const level = await this.compatibility(subject)
    // Apicurio compares with all versions at any level unless told which.
    const compared = level.endsWith('_TRANSITIVE') ? 'versions' : 'versions/latest'
    const path = `/compatibility${subjectPath(subject)}/${compared}?verbose=true`
    try {
      const verdict = readVerdict(await this.#client.call({ method: 'POST', path, body: candidate.body }))
      return verdict.compatible ? [] : await this.#reasons(subject, candidate, verdict.messages)
    } catch (thrown) {
      if (isCode(thrown, 'SUBJECT_UNKNOWN')) return []
      // Apicurio registers schemas with references, but cannot check them.
      if (isCode(thrown, 'SCHEMA_INVALID') && references.length > 0) return this.#problems(subject, candidate, level)
      throw thrown
    }
  }

  async compatibility(subject?: string): Promise<Compatibility> {
    try {
      return readLevel(await this.#get(configPath(subject)))
    } catch (thrown) {
      if (subject !== undefined && hasNoLevel(thrown)) return this.compatibility()
      throw thrown
    }
  }

  async setCompatibility(level: Compatibility | null, subject?: string): Promise<void> {
    const path = configPath(subject)
    if (level !== null) {
      await this.#client.call({ method: 'PUT', path, body: JSON.stringify({ compatibility: level }) })
      return
    }
    try {
      await this.#client.call({ method: 'DELETE', path })
    } catch (thrown) {
      if (!hasNoLevel(thrown)) throw thrown
    }
  }

  async deleteSubject(subject: string, { permanent = false }: DeleteOptions = {}): Promise<readonly number[]> {
    const path = subjectPath(subject) + (permanent ? '?permanent=true' : '')
    return readVersions(await this.#client.call({ method: 'DELETE', path }))
  }

  async deleteVersion(subject: string, version: number, { permanent = false }: DeleteOptions = {}): Promise<void> {
    if (!isId(version)) throw unknownVersion(subject, version)
    const path = `${subjectPath(subject)}/versions/${version}${permanent ? '?permanent=true' : ''}`
    await this.#client.call({ method: 'DELETE', path })
  }

  async close(): Promise<void> {
    this.#client.close()
  }

  #get(path: string): Promise<Json> {
    return this.#client.call({ method: 'GET', path })
  }

  /** In its one form: registries compare the text of schemas, or less of it than they should. */
  async #candidate(schema: Json, references: readonly SchemaReference[]): Promise<Candidate> {
    const known = await this.#known(references)
    const { type } = parseAvro(schema, { known })
    const text = JSON.stringify(canonicalAvro(type, known.keys()))
    return { type, body: JSON.stringify({ schema: text, ...(references.length === 0 ? {} : { references }) }) }
  }

  #known(references: readonly SchemaReference[]) {
    return referencedTypes(references, async (subject, version) => {
      try {
        return await this.version(subject, version)
      } catch (thrown) {
        if (!isCode(thrown, 'SUBJECT_UNKNOWN') && !isCode(thrown, 'SCHEMA_VERSION_UNKNOWN')) throw thrown
        const place = `${subject} version ${version}`
        throw new MillraceError('SCHEMA_INVALID', `The schema refers to ${place}, which does not exist.`, { place })
      }
    })
  }

  /**
   * Why the registry says no. Found out here, since some registries give no reasons and none gives them in parts; where
   * the registry knows better, its own words stand in for them.
   */
  async #reasons(
    subject: string,
    candidate: Candidate,
    messages: readonly string[],
  ): Promise<readonly Incompatibility[]> {
    const level = await this.compatibility(subject)
    const found = await this.#problems(subject, candidate, level)
    if (found.length > 0) return found
    const { version } = await this.version(subject, 'latest')
    const direction = level.startsWith('FORWARD') ? 'forward' : 'backward'
    const reason = messages.join(' ') || 'The registry gives no reason.'
    return [{ version, direction, kind: 'REFUSED_BY_REGISTRY', path: '/', reason }]
  }

  async #problems(subject: string, { type }: Candidate, level: Compatibility): Promise<readonly Incompatibility[]> {
    const compared = comparedVersions(level, await this.versions(subject))
    const earlier: EarlierVersion[] = []
    for (const version of compared) {
      const { schema, references } = await this.version(subject, version)
      const known = await this.#known(references)
      earlier.push({ version, type: parseAvro(schema, { known, checkDefaults: false }).type })
    }
    return incompatibilities(level, type, earlier)
  }
}

type SubjectRequest = PageRequest & { readonly deleted?: boolean }
type DeleteOptions = { readonly permanent?: boolean }

function subjectPath(subject: string): string {
  return `/subjects/${encodeSubject(subject)}`
}

function configPath(subject: string | undefined): string {
  return subject === undefined ? '/config' : `/config/${encodeSubject(subject)}`
}

function encodeSubject(subject: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what a subject must not have
  const usable = subject.length > 0 && subject.length <= maxSubjectLength && !/[\u0000-\u001f]/.test(subject)
  // Dots alone would be steps of the path.
  if (usable && subject !== '.' && subject !== '..') return encodeURIComponent(subject)
  throw new MillraceError('NAME_INVALID', `${JSON.stringify(subject.slice(0, 60))} is no name of a subject.`, {
    fix: `Use 1 to ${maxSubjectLength} characters without control characters, and more than dots.`,
  })
}

function isId(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= maxId
}

function isCode(thrown: unknown, code: ErrorCode): thrown is MillraceError {
  return thrown instanceof MillraceError && thrown.code === code
}

/** Registries differ in how they say that a subject goes by the global level. */
function hasNoLevel(thrown: unknown): boolean {
  return isCode(thrown, 'SUBJECT_UNKNOWN') || (thrown instanceof RegistryRefusal && thrown.errorCode === noLevelCode)
}

function unknownVersion(subject: string, version: number): MillraceError {
  return new MillraceError('SCHEMA_VERSION_UNKNOWN', `Subject ${subject} has no version ${version}.`, {
    place: subject,
  })
}
