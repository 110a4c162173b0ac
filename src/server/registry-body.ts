import type { IncomingMessage } from 'node:http'
import type { SchemaReference } from '../ports/schema-registry.ts'
import type { Json } from '../sdk/json.ts'
import { RestError } from './registry-errors.ts'

/** Largest request: a schema of the largest size, with every character escaped. */
const maxBodyBytes = 8 * 1024 * 1024
const maxReferences = 100

/** The text of a request's body, empty where there is none. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > maxBodyBytes) throw new RestError(413, 413, `A request may have ${maxBodyBytes} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes).toString('utf8')
}

export interface GivenSchema {
  readonly schema: Json
  readonly references: readonly SchemaReference[]
}

/** The schema in `{ "schema": "…", "schemaType": "AVRO", "references": […] }`. */
export function readSchema(body: string): GivenSchema {
  const { schema, schemaType, references } = readObject(body)
  if ((schemaType ?? 'AVRO') !== 'AVRO')
    throw invalid(`The schema type ${JSON.stringify(schemaType)} is not known here.`)
  if (typeof schema !== 'string') throw invalid('The request has no schema.')
  try {
    return { schema: JSON.parse(schema) as Json, references: readReferences(references ?? []) }
  } catch (cause) {
    throw cause instanceof RestError ? cause : invalid('The schema is not JSON.')
  }
}

export function readObject(body: string): { readonly [key: string]: Json | undefined } {
  let value: Json
  try {
    value = JSON.parse(body) as Json
  } catch (cause) {
    throw new RestError(400, 400, 'The request is not JSON.', { cause })
  }
  if (isObject(value)) return value
  throw new RestError(400, 400, 'The request is not a JSON object.')
}

function readReferences(references: Json): readonly SchemaReference[] {
  if (!Array.isArray(references) || references.length > maxReferences) {
    throw invalid(`The references are no list of at most ${maxReferences}.`)
  }
  return references.map((reference: Json) => {
    const { name, subject, version } = isObject(reference) ? reference : {}
    if (typeof name === 'string' && typeof subject === 'string' && typeof version === 'number') {
      return { name, subject, version }
    }
    throw invalid('A reference needs name, subject and version.')
  })
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(message: string): RestError {
  return new RestError(422, 42201, message)
}
