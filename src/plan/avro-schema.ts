import { MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'

export const avroPrimitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const

export type AvroPrimitive = (typeof avroPrimitives)[number]

/** An Avro schema with every name resolved: a use of a named type is the very object of its definition. */
export type AvroType =
  | { readonly kind: AvroPrimitive; readonly attributes: Attributes }
  | { readonly kind: 'array'; readonly items: AvroType; readonly attributes: Attributes }
  | { readonly kind: 'map'; readonly values: AvroType; readonly attributes: Attributes }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | AvroNamed

export type AvroNamed = AvroRecord | AvroEnum | AvroFixed

interface Named {
  /** With its namespace. */
  readonly name: string
  /** With their namespaces. */
  readonly aliases: readonly string[]
  readonly doc: string | null
  readonly attributes: Attributes
}

export interface AvroRecord extends Named {
  readonly kind: 'record'
  readonly fields: readonly AvroField[]
}

export interface AvroEnum extends Named {
  readonly kind: 'enum'
  readonly symbols: readonly string[]
  readonly default: string | null
}

export interface AvroFixed extends Named {
  readonly kind: 'fixed'
  readonly size: number
}

export interface AvroField {
  readonly name: string
  readonly type: AvroType
  /** Undefined without one: null is a default too. */
  readonly default: Json | undefined
  readonly aliases: readonly string[]
  readonly doc: string | null
  readonly order: 'ascending' | 'descending' | 'ignore'
  readonly attributes: Attributes
}

/** What Avro itself gives no meaning to, `logicalType` and its parameters among it. */
export type Attributes = { readonly [name: string]: Json }

export interface ParseAvroOptions {
  /** Types the schema may name without defining them: those of its references. */
  readonly known?: ReadonlyMap<string, AvroNamed>
  /**
   * Whether a default must fit its type. Registries ask this of new schemas only, so older ones may break it.
   * Default true.
   */
  readonly checkDefaults?: boolean
}

export interface ParsedAvro {
  readonly type: AvroType
  /** Every named type by its full name, the known ones included. */
  readonly named: ReadonlyMap<string, AvroNamed>
}

/** Deeper schemas are refused, so that walking one never exhausts the stack. */
const maxDepth = 100

/** Named types in one schema, those of its references included. */
const maxNamed = 1_000

/**
 * Reads and checks a schema after the Avro 1.12 specification.
 * @throws MillraceError `SCHEMA_INVALID`; its place is a JSON pointer into the schema.
 */
export function parseAvro(schema: Json, options: ParseAvroOptions = {}): ParsedAvro {
  const parser = new Parser(options)
  const type = parser.schema(schema, { path: '', namespace: '', depth: 0 })
  return { type, named: parser.named }
}

interface Scope {
  readonly path: string
  readonly namespace: string
  readonly depth: number
}

type JsonObject = { readonly [key: string]: Json }

class Parser {
  readonly named: Map<string, AvroNamed>
  readonly #checkDefaults: boolean

  constructor(options: ParseAvroOptions) {
    this.named = new Map(options.known)
    this.#checkDefaults = options.checkDefaults ?? true
  }

  schema(schema: Json, scope: Scope): AvroType {
    if (scope.depth > maxDepth) throw invalid(scope.path, `is nested more than ${maxDepth} levels deep`)
    if (typeof schema === 'string') return this.#reference(schema, scope)
    if (isArray(schema)) return this.#union(schema, scope)
    if (!isObject(schema)) throw invalid(scope.path, 'must be a type name, an object or a union')
    const type = schema.type
    switch (type) {
      case undefined:
        throw invalid(scope.path, 'has no type')
      case 'record':
      case 'error':
        return this.#record(schema, scope)
      case 'enum':
        return this.#enum(schema, scope)
      case 'fixed':
        return this.#fixed(schema, scope)
      case 'array':
        if (schema.items === undefined) throw invalid(scope.path, 'is an array without items')
        return {
          kind: 'array',
          items: this.schema(schema.items, inside(scope, 'items')),
          attributes: attributes(schema, ['type', 'items']),
        }
      case 'map':
        if (schema.values === undefined) throw invalid(scope.path, 'is a map without values')
        return {
          kind: 'map',
          values: this.schema(schema.values, inside(scope, 'values')),
          attributes: attributes(schema, ['type', 'values']),
        }
      default:
        if (isPrimitive(type)) return { kind: type, attributes: attributes(schema, ['type']) }
        return this.schema(type, inside(scope, 'type'))
    }
  }

  #reference(name: string, scope: Scope): AvroType {
    if (isPrimitive(name)) return { kind: name, attributes: {} }
    // A name of the enclosing namespace comes first; Java's parser then tries none.
    const type = this.named.get(qualify(name, scope.namespace)) ?? this.named.get(name)
    if (type === undefined) throw invalid(scope.path, `names the type ${JSON.stringify(name)}, which is not defined`)
    return type
  }

  #union(branches: readonly Json[], scope: Scope): AvroType {
    if (branches.length === 0) throw invalid(scope.path, 'is a union without branches')
    const types = branches.map((branch, index) => this.schema(branch, inside(scope, index)))
    const seen = new Set<string>()
    for (const [index, type] of types.entries()) {
      if (type.kind === 'union') throw invalid(`${scope.path}/${index}`, 'is a union directly inside a union')
      const name = typeName(type)
      if (seen.has(name)) throw invalid(`${scope.path}/${index}`, `is a second ${name} in one union`)
      seen.add(name)
    }
    return { kind: 'union', branches: types }
  }

  #record(schema: JsonObject, scope: Scope): AvroRecord {
    const { header, namespace } = this.#header(schema, scope, ['fields'])
    const fields: AvroField[] = []
    const record: AvroRecord = { kind: 'record', ...header, fields }
    this.#define(record, scope)
    if (!isArray(schema.fields)) throw invalid(scope.path, 'is a record without a list of fields')
    const names = new Set<string>()
    for (const [index, node] of schema.fields.entries()) {
      const place = { ...inside(inside(scope, 'fields'), index), namespace }
      const field = this.#field(node, place)
      if (names.has(field.name)) throw invalid(place.path, `is a second field named ${field.name}`)
      names.add(field.name)
      fields.push(field)
    }
    // A default may be a record of the type being defined, so they are looked at when all fields are known.
    if (this.#checkDefaults) this.#defaults(record, scope)
    return record
  }

  #defaults(record: AvroRecord, scope: Scope): void {
    for (const [index, field] of record.fields.entries()) {
      if (field.default === undefined || fits(field.type, field.default, 0)) continue
      const first = field.type.kind === 'union' ? ', the first branch of its union' : ''
      const type = field.type.kind === 'union' ? field.type.branches[0]! : field.type
      throw invalid(
        `${scope.path}/fields/${index}/default`,
        `(${JSON.stringify(field.default)}) is no ${typeName(type)}${first}`,
      )
    }
  }

  #field(node: Json, scope: Scope): AvroField {
    if (!isObject(node)) throw invalid(scope.path, 'must be an object')
    if (typeof node.name !== 'string') throw invalid(scope.path, 'has no name')
    if (!isName(node.name)) throw invalid(scope.path, `has the name ${JSON.stringify(node.name)}: ${nameRule}`)
    if (node.type === undefined) throw invalid(scope.path, 'has no type')
    const order = node.order ?? 'ascending'
    if (order !== 'ascending' && order !== 'descending' && order !== 'ignore') {
      throw invalid(`${scope.path}/order`, 'must be ascending, descending or ignore')
    }
    return {
      name: node.name,
      type: this.schema(node.type, inside(scope, 'type')),
      default: node.default,
      aliases: names(node.aliases, `${scope.path}/aliases`, isName),
      doc: text(node.doc),
      order,
      attributes: attributes(node, ['name', 'type', 'default', 'aliases', 'doc', 'order']),
    }
  }

  #enum(schema: JsonObject, scope: Scope): AvroEnum {
    const { header } = this.#header(schema, scope, ['symbols', 'default'])
    if (!isArray(schema.symbols)) throw invalid(scope.path, 'is an enum without a list of symbols')
    const symbols = names(schema.symbols, `${scope.path}/symbols`, isName)
    if (new Set(symbols).size < symbols.length) throw invalid(`${scope.path}/symbols`, 'holds a symbol twice')
    const fallback = schema.default
    if (fallback !== undefined && !(typeof fallback === 'string' && symbols.includes(fallback))) {
      throw invalid(`${scope.path}/default`, 'must be one of the symbols')
    }
    const type: AvroEnum = { kind: 'enum', ...header, symbols, default: fallback ?? null }
    this.#define(type, scope)
    return type
  }

  #fixed(schema: JsonObject, scope: Scope): AvroFixed {
    const { header } = this.#header(schema, scope, ['size'])
    const { size } = schema
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > 2 ** 31 - 1) {
      throw invalid(`${scope.path}/size`, 'must be a whole number from 0 to 2147483647')
    }
    const type: AvroFixed = { kind: 'fixed', ...header, size }
    this.#define(type, scope)
    return type
  }

  #header(schema: JsonObject, scope: Scope, own: readonly string[]): { header: Named; namespace: string } {
    if (typeof schema.name !== 'string') throw invalid(scope.path, 'has no name')
    const given = schema.namespace
    if (given !== undefined && given !== null && typeof given !== 'string') {
      throw invalid(`${scope.path}/namespace`, 'must be text')
    }
    const name = qualify(schema.name, given ?? scope.namespace)
    if (!isFullName(name)) throw invalid(scope.path, `has the name ${JSON.stringify(name)}: ${nameRule}`)
    const { namespace, simple } = splitName(name)
    if (isPrimitive(simple)) throw invalid(scope.path, `has the name of a primitive type: ${simple}`)
    const aliases = names(schema.aliases, `${scope.path}/aliases`, isFullName)
    return {
      header: {
        name,
        aliases: aliases.map(alias => qualify(alias, namespace)),
        doc: text(schema.doc),
        attributes: attributes(schema, ['type', 'name', 'namespace', 'aliases', 'doc', ...own]),
      },
      namespace,
    }
  }

  #define(type: AvroNamed, scope: Scope): void {
    if (this.named.has(type.name)) throw invalid(scope.path, `defines ${type.name} a second time`)
    if (this.named.size === maxNamed)
      throw invalid(scope.path, `is named type number ${maxNamed + 1}, which is too many`)
    this.named.set(type.name, type)
  }
}

/** Whether a default fits: of a union's branches only the first counts, as readers other than Java's have it. */
function fits(type: AvroType, value: Json, depth: number): boolean {
  // Only a default that contains itself gets this deep.
  if (depth > maxDepth) return false
  switch (type.kind) {
    case 'null':
      return value === null
    case 'boolean':
      return typeof value === 'boolean'
    case 'int':
      return Number.isInteger(value) && Number(value) === (Number(value) | 0)
    case 'long':
      return Number.isInteger(value) && Number(value) >= -(2 ** 63) && Number(value) < 2 ** 63
    case 'float':
    case 'double':
      return typeof value === 'number'
    case 'string':
      return typeof value === 'string'
    case 'bytes':
      return typeof value === 'string' && isByteText(value)
    case 'fixed':
      return typeof value === 'string' && isByteText(value) && value.length === type.size
    case 'enum':
      return typeof value === 'string' && type.symbols.includes(value)
    case 'array':
      return isArray(value) && value.every(item => fits(type.items, item, depth + 1))
    case 'map':
      return isObject(value) && Object.values(value).every(item => fits(type.values, item, depth + 1))
    case 'union':
      return fits(type.branches[0]!, value, depth + 1)
    case 'record':
      return (
        isObject(value) &&
        type.fields.every(field => {
          const given = Object.hasOwn(value, field.name) ? value[field.name] : field.default
          return given !== undefined && fits(field.type, given, depth + 1)
        })
      )
  }
}

/** How a type is called among the branches of a union. */
export function typeName(type: AvroType): string {
  return 'name' in type ? type.name : type.kind
}

export function splitName(name: string): { namespace: string; simple: string } {
  const dot = name.lastIndexOf('.')
  return { namespace: name.slice(0, Math.max(dot, 0)), simple: name.slice(dot + 1) }
}

function qualify(name: string, namespace: string): string {
  return namespace === '' || name.includes('.') ? name : `${namespace}.${name}`
}

const nameRule = 'names are letters, digits and underscores, and start with no digit'

function isName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
}

function isFullName(name: string): boolean {
  return name.split('.').every(isName)
}

function isPrimitive(name: Json): name is AvroPrimitive {
  return (avroPrimitives as readonly Json[]).includes(name)
}

function isByteText(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a default of bytes is text of the code points 0 to 255
  return /^[\u0000-\u00ff]*$/.test(value)
}

function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function names(value: Json | undefined, path: string, valid: (name: string) => boolean): readonly string[] {
  if (value === undefined) return []
  if (!isArray(value)) throw invalid(path, 'must be a list of names')
  return value.map((name, index) => {
    if (typeof name !== 'string' || !valid(name)) throw invalid(`${path}/${index}`, `is no name: ${nameRule}`)
    return name
  })
}

function text(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null
}

function attributes(schema: JsonObject, reserved: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !reserved.includes(name)))
}

function inside(scope: Scope, step: string | number): Scope {
  return { ...scope, path: `${scope.path}/${step}`, depth: scope.depth + 1 }
}

function invalid(path: string, what: string): MillraceError {
  return new MillraceError('SCHEMA_INVALID', `The Avro schema is not valid: ${path === '' ? '/' : path} ${what}.`, {
    place: path === '' ? '/' : path,
    fix: 'Correct the schema at this place; the rules are in the Avro 1.12 specification.',
  })
}
