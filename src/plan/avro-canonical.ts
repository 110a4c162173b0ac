import type { Json } from '../sdk/json.ts'
import { type AvroField, type AvroNamed, type AvroType, splitName } from './avro-schema.ts'

/**
 * A schema in one fixed form, equal for schemas that differ in white space, key order or how names are written.
 * Unlike Avro's Parsing Canonical Form it keeps doc, defaults, aliases and attributes: two schemas that differ in
 * those are two schemas to a registry.
 *
 * A type of `external` is written as its name, since another schema defines it.
 */
export function canonicalAvro(type: AvroType, external: Iterable<string> = []): Json {
  return print(type, '', new Set(external))
}

function print(type: AvroType, namespace: string, defined: Set<string>): Json {
  switch (type.kind) {
    case 'union':
      return type.branches.map(branch => print(branch, namespace, defined))
    case 'array':
      return { type: 'array', items: print(type.items, namespace, defined), ...sorted(type.attributes) }
    case 'map':
      return { type: 'map', values: print(type.values, namespace, defined), ...sorted(type.attributes) }
    case 'record':
    case 'enum':
    case 'fixed':
      return printNamed(type, namespace, defined)
    default:
      return Object.keys(type.attributes).length === 0 ? type.kind : { type: type.kind, ...sorted(type.attributes) }
  }
}

function printNamed(type: AvroNamed, enclosing: string, defined: Set<string>): Json {
  if (defined.has(type.name)) return shortened(type.name, enclosing)
  defined.add(type.name)
  const { namespace, simple } = splitName(type.name)
  return {
    type: type.kind,
    name: simple,
    ...(namespace === enclosing ? {} : { namespace }),
    ...(type.doc === null ? {} : { doc: type.doc }),
    ...(type.kind === 'record' ? { fields: type.fields.map(field => printField(field, namespace, defined)) } : {}),
    ...(type.kind === 'enum' ? { symbols: type.symbols } : {}),
    ...(type.kind === 'enum' && type.default !== null ? { default: type.default } : {}),
    ...(type.kind === 'fixed' ? { size: type.size } : {}),
    ...(type.aliases.length === 0 ? {} : { aliases: type.aliases.map(alias => shortened(alias, namespace)) }),
    ...sorted(type.attributes),
  }
}

function printField(field: AvroField, namespace: string, defined: Set<string>): Json {
  return {
    name: field.name,
    type: print(field.type, namespace, defined),
    ...(field.doc === null ? {} : { doc: field.doc }),
    ...(field.default === undefined ? {} : { default: sortedJson(field.default) }),
    ...(field.order === 'ascending' ? {} : { order: field.order }),
    ...(field.aliases.length === 0 ? {} : { aliases: field.aliases }),
    ...sorted(field.attributes),
  }
}

function shortened(name: string, enclosing: string): string {
  const { namespace, simple } = splitName(name)
  return namespace === enclosing ? simple : name
}

function sorted(object: { readonly [key: string]: Json }): { readonly [key: string]: Json } {
  const keys = Object.keys(object).sort()
  return Object.fromEntries(keys.map(key => [key, sortedJson(object[key]!)]))
}

function sortedJson(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sortedJson)
  return sorted(value as { readonly [key: string]: Json })
}
