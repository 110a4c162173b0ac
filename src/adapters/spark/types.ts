import { split } from '../../plan/expression-types.ts'
import type { TypeNode } from '../../sdk/nodes.ts'

/** A type as Spark's DDL writes it. */
export function sparkType(node: TypeNode): string {
  const { type } = split(node)
  switch (type.kind) {
    case 'text':
    case 'uuid':
    case 'enum':
      return 'STRING'
    case 'boolean':
      return 'BOOLEAN'
    case 'int':
      return 'INT'
    case 'long':
      return 'BIGINT'
    case 'double':
      return 'DOUBLE'
    case 'timestamp':
      return 'TIMESTAMP'
    case 'decimal':
      return `DECIMAL(${type.precision}, ${type.scale})`
    case 'array':
      return `ARRAY<${sparkType(type.of)}>`
    case 'record':
      return `STRUCT<${type.fields.map(field => `${quoteName(field.name)}: ${sparkType(field.type)}`).join(', ')}>`
  }
}

/** Names are letters, digits and underscores, but may be words of SQL. */
export function quoteName(name: string): string {
  return `\`${name}\``
}
