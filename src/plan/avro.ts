import type { Json } from '../sdk/json.ts'
import type { RecordNode, TypeNode } from '../sdk/nodes.ts'

/**
 * A record as an Avro schema. A named type that occurs again is referred to by its name; all of them are in the
 * namespace, if one is given.
 */
export function avroSchema(node: RecordNode, namespace?: string): { readonly [key: string]: Json } {
  const root = recordSchema(node, new Set([node.name]))
  return namespace === undefined ? root : { ...root, namespace }
}

function recordSchema({ name, fields }: RecordNode, defined: Set<string>): { readonly [key: string]: Json } {
  return {
    type: 'record',
    name,
    fields: fields.map(({ name, type }) => ({
      name,
      type: schema(type, defined),
      ...(type.kind === 'optional' ? { default: null } : {}),
    })),
  }
}

function schema(node: TypeNode, defined: Set<string>): Json {
  switch (node.kind) {
    case 'text':
      return 'string'
    case 'uuid':
      return { type: 'string', logicalType: 'uuid' }
    case 'boolean':
    case 'int':
    case 'long':
    case 'double':
      return node.kind
    case 'decimal':
      return { type: 'bytes', logicalType: 'decimal', precision: node.precision, scale: node.scale }
    case 'timestamp':
      return { type: 'long', logicalType: 'timestamp-millis' }
    case 'optional':
      return ['null', schema(node.of, defined)]
    case 'array':
      return { type: 'array', items: schema(node.of, defined) }
    case 'enum':
      if (defined.has(node.name)) return node.name
      defined.add(node.name)
      return { type: 'enum', name: node.name, symbols: node.symbols }
    case 'record':
      if (defined.has(node.name)) return node.name
      defined.add(node.name)
      return recordSchema(node, defined)
  }
}
