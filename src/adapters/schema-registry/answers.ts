import {
  type Compatibility,
  compatibilityLevels,
  type RegisteredSchema,
  type SchemaReference,
  type StoredSchema,
} from '../../ports/schema-registry.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Json } from '../../sdk/json.ts'

/** A schema with the length of its text. */
export interface Read<T> {
  readonly value: T
  readonly length: number
}

/** @throws MillraceError `SCHEMA_INVALID` for a schema that is not Avro; `REGISTRY_MALFORMED`. */
export function readStored(id: number, answer: Json): Read<StoredSchema> {
  const { schema: text, schemaType, references } = asObject(answer)
  if (typeof text !== 'string') throw malformed('a schema', answer)
  if ((schemaType ?? 'AVRO') !== 'AVRO') {
    throw new MillraceError('SCHEMA_INVALID', `Schema ${id} is ${JSON.stringify(schemaType)}, not Avro.`)
  }
  return { value: { id, schema: parseText(id, text), references: readReferences(references) }, length: text.length }
}

export function readRegistered(answer: Json): RegisteredSchema {
  const { id, subject, version } = asObject(answer)
  if (!isPositive(id) || typeof subject !== 'string' || !isPositive(version)) throw malformed('a schema', answer)
  return { ...readStored(id, answer).value, subject, version }
}

export function readId(answer: Json): number {
  const { id } = asObject(answer)
  if (!isPositive(id)) throw malformed('the id of a schema', answer)
  return id
}

export function readNames(answer: Json): readonly string[] {
  if (Array.isArray(answer) && answer.every(name => typeof name === 'string')) return answer
  throw malformed('a list of subjects', answer)
}

export function readVersions(answer: Json): readonly number[] {
  if (Array.isArray(answer) && answer.every(isPositive)) return answer.toSorted((a, b) => a - b)
  throw malformed('a list of versions', answer)
}

export function readLevel(answer: Json): Compatibility {
  const { compatibilityLevel, compatibility } = asObject(answer)
  const found = compatibilityLevels.find(level => level === (compatibilityLevel ?? compatibility))
  if (found === undefined) throw malformed('a compatibility level', answer)
  return found
}

/** Whether a schema fits, and what the registry says about it if not. */
export function readVerdict(answer: Json): { readonly compatible: boolean; readonly messages: readonly string[] } {
  const { is_compatible: compatible, messages } = asObject(answer)
  if (typeof compatible !== 'boolean') throw malformed('a verdict', answer)
  return { compatible, messages: Array.isArray(messages) ? messages.map(String) : [] }
}

function parseText(id: number, text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (cause) {
    throw new MillraceError('SCHEMA_INVALID', `Schema ${id} is not JSON.`, { cause })
  }
}

function readReferences(references: Json | undefined): readonly SchemaReference[] {
  if (references === undefined || references === null) return []
  if (!Array.isArray(references)) throw malformed('references', references as Json)
  return references.map((reference: Json) => {
    const { name, subject, version } = asObject(reference)
    if (typeof name === 'string' && typeof subject === 'string' && isPositive(version)) {
      return { name, subject, version }
    }
    throw malformed('a reference', reference)
  })
}

function asObject(value: Json): { readonly [key: string]: Json | undefined } {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as { [key: string]: Json }
  throw malformed('an object', value)
}

/** Ids and versions are positive in every registry. */
function isPositive(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

function malformed(what: string, answer: Json): MillraceError {
  const found = JSON.stringify(answer).slice(0, 80)
  return new MillraceError('REGISTRY_MALFORMED', `The schema registry answered ${found} instead of ${what}.`, {
    fix: 'Check that `url` is the address of a schema registry.',
  })
}
