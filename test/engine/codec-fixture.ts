import avsc from 'avsc'
import { expect } from 'vitest'
import { createDecoder, createEncoder } from '../../src/engine/codec.ts'
import { avroSchema } from '../../src/plan/avro.ts'
import type { SchemaReference, SchemaRegistry } from '../../src/ports/schema-registry.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import type { Json } from '../../src/sdk/json.ts'
import type { FieldNode, RecordNode, TypeNode } from '../../src/sdk/nodes.ts'

export type Stored = { readonly schema: Json; readonly references?: readonly SchemaReference[] }
export type Registry = Pick<SchemaRegistry, 'byId' | 'version'> & { readonly asked: number[] }

/** Schemas by id, from 1; as a version they are their own subject's first. */
export function registryOf(schemas: readonly Stored[]): Registry {
  const asked: number[] = []
  const find = (id: number) => {
    const stored = schemas[id - 1]
    if (stored === undefined) throw new MillraceError('SCHEMA_UNKNOWN', `no schema ${id}`)
    return { id, references: [], ...stored }
  }
  return {
    asked,
    async byId(id) {
      asked.push(id)
      return find(id)
    },
    async version(subject, version) {
      return { ...find(Number(subject)), subject, version: Number(version) }
    },
  }
}

export const record = (name: string, fields: { readonly [name: string]: TypeNode }): RecordNode => ({
  kind: 'record',
  name,
  fields: Object.entries(fields).map(([name, type]): FieldNode => ({ name, type })),
})

/** Bytes of one value of a schema with the header, written by avsc alone. */
export function written(schema: Json, value: unknown, id = 1): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(id, 1)
  return Buffer.concat([header, avsc.Type.forSchema(schema as avsc.Schema).toBuffer(value)])
}

export function framed(...bytes: readonly number[]): Buffer {
  return Buffer.from([0, 0, 0, 0, 1, ...bytes])
}

/** As Avro writes ints and longs. */
export function varint(value: bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return [...bytes, Number(rest)]
}

export async function decoderOf(node: RecordNode, schemas: readonly Stored[] = [{ schema: avroSchema(node) }]) {
  const decoder = createDecoder({ node, avro: avroSchema(node), registry: registryOf(schemas) })
  await decoder.prepare(schemas.map((_, index) => ({ value: Buffer.from([0, 0, 0, 0, index + 1]) })))
  return decoder
}

export const encoderOf = (node: RecordNode, schemaId = 1) => createEncoder({ node, avro: avroSchema(node), schemaId })

export const undecodable = (reason: RegExp) =>
  expect.objectContaining({ code: 'RECORD_UNDECODABLE', message: expect.stringMatching(reason) })

export const text: TypeNode = { kind: 'text' }
export const named = record('R', { a: text })
