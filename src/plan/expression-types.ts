import { MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'
import type { ComparisonOperator, ExpressionNode, RecordNode, TypeNode } from '../sdk/nodes.ts'
import { compileParser, expectation } from '../sdk/parse.ts'
import { suggest } from './near.ts'

export type ValueType = Exclude<TypeNode, { kind: 'optional' }>

/** What an expression gives. `type` is null for the constant null, which fits any optional place. */
export interface ExpressionType {
  readonly type: ValueType | null
  readonly nullable: boolean
}

/** Types whose values compare with each other. */
export type Family = 'text' | 'number' | 'decimal' | 'boolean' | 'timestamp'

/**
 * The type of an expression over records of `input`.
 * @throws MillraceError `FIELD_UNKNOWN`, `TYPE_MISMATCH` for the first fault found.
 */
export function typeOf(node: ExpressionNode, input: RecordNode): ExpressionType {
  switch (node.kind) {
    case 'field':
      return fieldType(node.path, input)
    case 'literal':
      return node.type === undefined ? literalType(node.value) : split(node.type)
    case 'concat': {
      const parts = node.parts.map(part => scalarType(part, input, 'concat'))
      return { type: { kind: 'text' }, nullable: parts.some(part => part.nullable) }
    }
    case 'coalesce':
      return coalesceOperands(node.of, input)
    case 'upper':
    case 'lower':
    case 'trim': {
      const of = typeOf(node.of, input)
      if (of.type !== null && family(of.type) !== 'text') {
        throw mismatch(`${node.kind}() takes text, found ${name(of)}.`, 'Use cast(…, "text") first.')
      }
      return { type: { kind: 'text' }, nullable: of.nullable }
    }
    case 'cast':
      return { type: { kind: 'text' }, nullable: scalarType(node.of, input, 'cast').nullable }
    case 'eq':
    case 'ne':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte': {
      const { left, right } = comparisonOperands(node, input)
      const nullable = typeOf(left, input).nullable || typeOf(right, input).nullable
      return { type: { kind: 'boolean' }, nullable }
    }
    case 'and':
    case 'or': {
      const parts = node.of.map(part => booleanType(part, input, node.kind))
      return { type: { kind: 'boolean' }, nullable: parts.some(part => part.nullable) }
    }
    case 'not':
      return { type: { kind: 'boolean' }, nullable: booleanType(node.of, input, 'not').nullable }
    case 'isNull':
      typeOf(node.of, input)
      return { type: { kind: 'boolean' }, nullable: false }
  }
}

/** Both sides of a comparison, constants taken as the type they meet, and how to compare them; null: one side is always null. */
export function comparisonOperands(
  node: { readonly kind: ComparisonOperator; readonly left: ExpressionNode; readonly right: ExpressionNode },
  input: RecordNode,
): { readonly left: ExpressionNode; readonly right: ExpressionNode; readonly family: Family | null } {
  const left = adapt(node.left, typeOf(node.right, input).type)
  const right = adapt(node.right, typeOf(node.left, input).type)
  const [l, r] = [scalarType(left, input, node.kind), scalarType(right, input, node.kind)]
  if (l.type === null || r.type === null) return { left, right, family: null }
  const [a, b] = [family(l.type), family(r.type)]
  if (a === null || a !== b) {
    throw mismatch(
      `${node.kind}() compares ${name(l)} with ${name(r)}.`,
      'Compare values of one kind, or cast both to text.',
    )
  }
  return { left, right, family: a }
}

/** The operands of a coalesce, constants taken as the type they meet, and its type. */
export function coalesceOperands(
  of: readonly ExpressionNode[],
  input: RecordNode,
): ExpressionType & { readonly operands: readonly ExpressionNode[] } {
  const known = of.map(part => typeOf(part, input))
  const first = known.find((part, i) => part.type !== null && of[i]?.kind !== 'literal')?.type ?? null
  const operands = of.map(part => adapt(part, first))
  let type: ValueType | null = null
  for (const operand of operands) {
    const next = typeOf(operand, input).type
    if (type === null || next === null) {
      type ??= next
      continue
    }
    const common = widest(type, next)
    if (common === null) {
      throw mismatch(
        `coalesce() mixes ${expectation(type)} with ${expectation(next)}.`,
        'Give operands of one type, or cast each to text.',
      )
    }
    type = common
  }
  return { type, nullable: known.every(part => part.nullable), operands }
}

/** A constant as the type of the place it goes to, where it can be: `'100'` beside a decimal is the decimal `100.00`. */
export function adapt(node: ExpressionNode, type: TypeNode | null): ExpressionNode {
  if (node.kind !== 'literal' || node.type !== undefined || node.value === null || type === null) return node
  const to = split(type).type!
  if (to.kind === 'record' || to.kind === 'array' || to.kind === literalType(node.value).type!.kind) return node
  const parsed = compileParser(to)(node.value)
  if (parsed.issues !== undefined) return node
  const { value } = parsed
  return { kind: 'literal', value: value instanceof Date ? value.toISOString() : (value as Json), type: to }
}

/** Why a value of the type `from` cannot go to a place of the type `to`, with a fix; null if it can. */
export function unfit(from: ExpressionType, to: TypeNode): { readonly reason: string; readonly fix: string } | null {
  const { type, nullable } = split(to)
  if (from.nullable && !nullable) {
    return {
      reason: `it may be null, and ${expectation(to)} is needed`,
      fix: 'Use coalesce(…, a default), or declare the field as t.optional(…).',
    }
  }
  if (from.type === null || fits(from.type, type!)) return null
  const fix =
    family(type!) === 'text' && family(from.type) !== null ? 'Use cast(…, "text").' : 'Declare both with one type.'
  return { reason: `it is ${expectation(from.type)}, and ${expectation(to)} is needed`, fix }
}

/** Which values of one type can be used as another without any change to them. */
function fits(from: ValueType, to: ValueType): boolean {
  switch (to.kind) {
    case 'text':
      return family(from) === 'text'
    case 'long':
      return from.kind === 'long' || from.kind === 'int'
    case 'double':
      return family(from) === 'number'
    case 'decimal':
      return from.kind === 'decimal' && from.scale === to.scale && from.precision <= to.precision
    case 'enum':
      return from.kind === 'enum' && from.symbols.every(symbol => to.symbols.includes(symbol))
    case 'array':
      return from.kind === 'array' && unfit(split(from.of), to.of) === null
    case 'record':
      return (
        from.kind === 'record' &&
        to.fields.every(field => {
          const source = from.fields.find(({ name }) => name === field.name)
          return source !== undefined && unfit(split(source.type), field.type) === null
        })
      )
    default:
      return from.kind === to.kind
  }
}

/** The narrowest type that holds both, or null. */
function widest(a: ValueType, b: ValueType): ValueType | null {
  if (fits(a, b)) return b
  if (fits(b, a)) return a
  return family(a) === 'text' && family(b) === 'text' ? { kind: 'text' } : null
}

export function family(type: ValueType): Family | null {
  switch (type.kind) {
    case 'text':
    case 'uuid':
    case 'enum':
      return 'text'
    case 'int':
    case 'long':
    case 'double':
      return 'number'
    case 'record':
    case 'array':
      return null
    default:
      return type.kind
  }
}

/** A type without its `optional`. */
export function split(type: TypeNode): { readonly type: ValueType; readonly nullable: boolean } {
  return type.kind === 'optional' ? { type: split(type.of).type, nullable: true } : { type, nullable: false }
}

function fieldType(path: readonly string[], input: RecordNode): ExpressionType {
  let type: ValueType = input
  let nullable = false
  for (const [i, step] of path.entries()) {
    if (type.kind !== 'record') {
      const found = path.slice(0, i).join('.')
      throw new MillraceError('FIELD_UNKNOWN', `${found} is ${expectation(type)} and has no field ${step}.`, {
        fix: `Use ${found} itself.`,
      })
    }
    const names: readonly string[] = type.fields.map(field => field.name)
    const field: RecordNode['fields'][number] | undefined = type.fields.find(({ name }) => name === step)
    if (field === undefined) {
      throw new MillraceError('FIELD_UNKNOWN', `${type.name} has no field ${path.slice(0, i + 1).join('.')}.`, {
        fix: suggest(step, names),
      })
    }
    const next = split(field.type)
    type = next.type
    nullable ||= next.nullable
  }
  return { type, nullable }
}

function literalType(value: Json): ExpressionType {
  if (value === null) return { type: null, nullable: true }
  if (typeof value === 'string') return { type: { kind: 'text' }, nullable: false }
  if (typeof value === 'boolean') return { type: { kind: 'boolean' }, nullable: false }
  if (typeof value !== 'number') throw mismatch('A constant is a text, number, boolean or null.', 'Select its parts.')
  if (!Number.isSafeInteger(value)) return { type: { kind: 'double' }, nullable: false }
  return { type: { kind: (value | 0) === value ? 'int' : 'long' }, nullable: false }
}

function scalarType(node: ExpressionNode, input: RecordNode, place: string): ExpressionType {
  const of = typeOf(node, input)
  if (of.type === null || family(of.type) !== null) return of
  throw mismatch(`${place}() takes single values, found ${name(of)}.`, 'Give one of its fields.')
}

function booleanType(node: ExpressionNode, input: RecordNode, place: string): ExpressionType {
  const of = typeOf(node, input)
  if (of.type === null || of.type.kind === 'boolean') return of
  throw mismatch(`${place}() takes true or false, found ${name(of)}.`, 'Compare it with something, such as eq(…, 1).')
}

function name(of: ExpressionType): string {
  return of.type === null ? 'null' : expectation(of.type)
}

function mismatch(message: string, fix: string): MillraceError {
  return new MillraceError('TYPE_MISMATCH', message, { fix })
}
