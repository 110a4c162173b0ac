import { compareDecimals } from '../sdk/decimal.ts'
import type { ComparisonOperator, ExpressionNode, RecordNode, SelectNode } from '../sdk/nodes.ts'
import { coalesceOperands, comparisonOperands, type Family, typeOf } from './expression-types.ts'

/** Computes an expression from a record that its parser has let through. */
export type Evaluate = (record: { readonly [field: string]: unknown }) => unknown

type AnyRecord = Parameters<Evaluate>[0]

/**
 * An expression as closures over records of `input`; the record's own values (`Date`, decimal text) go in and come out.
 * Text is ordered by code point, as UTF-8 bytes are, so that every target orders it alike.
 * @throws MillraceError `FIELD_UNKNOWN`, `TYPE_MISMATCH`; what the plan has checked does not throw.
 */
export function compileExpression(node: ExpressionNode, input: RecordNode): Evaluate {
  switch (node.kind) {
    case 'field':
      typeOf(node, input)
      return compilePath(node.path)
    case 'literal': {
      const value = node.type?.kind === 'timestamp' ? new Date(node.value as string) : node.value
      return () => value
    }
    case 'concat':
      return compileConcat(node.parts.map(part => compileText(part, input)))
    case 'coalesce': {
      const operands = coalesceOperands(node.of, input).operands.map(part => compileExpression(part, input))
      return record => {
        for (const operand of operands) {
          const value = operand(record)
          if (value !== null) return value
        }
        return null
      }
    }
    case 'upper':
      return compileTextFunction(node.of, input, text => text.toUpperCase())
    case 'lower':
      return compileTextFunction(node.of, input, text => text.toLowerCase())
    case 'trim':
      return compileTextFunction(node.of, input, text => text.trim())
    case 'cast':
      return compileText(node.of, input)
    case 'eq':
    case 'ne':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return compileComparison(node, input)
    case 'and':
      return compileLogic(node.of, input, false)
    case 'or':
      return compileLogic(node.of, input, true)
    case 'not': {
      const of = compileExpression(node.of, input)
      return record => {
        const value = of(record)
        return value === null ? null : !value
      }
    }
    case 'isNull': {
      const of = compileExpression(node.of, input)
      return record => of(record) === null
    }
  }
}

/** A row with one field for each of the select, in its order. */
export function compileSelect(select: SelectNode, input: RecordNode): (record: AnyRecord) => Record<string, unknown> {
  const fields = select.map(({ name, value }) => ({ name, evaluate: compileExpression(value, input) }))
  return record => {
    const row: Record<string, unknown> = {}
    for (const { name, evaluate } of fields) row[name] = evaluate(record)
    return row
  }
}

function compilePath(path: readonly string[]): Evaluate {
  const [first, ...rest] = path
  if (first === undefined) return record => record
  if (rest.length === 0) return record => record[first] ?? null
  return record => {
    let value = record[first]
    for (const step of rest) {
      if (value === null || value === undefined) return null
      value = (value as AnyRecord)[step]
    }
    return value ?? null
  }
}

function compileText(node: ExpressionNode, input: RecordNode): Evaluate {
  const of = compileExpression(node, input)
  const { type } = typeOf(node, input)
  switch (type?.kind) {
    case 'int':
    case 'long':
    case 'double':
    case 'boolean':
      return record => {
        const value = of(record)
        return value === null ? null : String(value)
      }
    case 'timestamp':
      return record => (of(record) as Date | null)?.toISOString() ?? null
    default:
      return of
  }
}

function compileConcat(parts: readonly Evaluate[]): Evaluate {
  return record => {
    let text = ''
    for (const part of parts) {
      const value = part(record)
      if (value === null) return null
      text += value
    }
    return text
  }
}

function compileTextFunction(node: ExpressionNode, input: RecordNode, apply: (text: string) => string): Evaluate {
  const of = compileExpression(node, input)
  return record => {
    const value = of(record)
    return value === null ? null : apply(value as string)
  }
}

/** `decisive` ends it: false for `and`, true for `or`. */
function compileLogic(nodes: readonly ExpressionNode[], input: RecordNode, decisive: boolean): Evaluate {
  const operands = nodes.map(node => compileExpression(node, input))
  return record => {
    let result: boolean | null = !decisive
    for (const operand of operands) {
      const value = operand(record)
      if (value === decisive) return decisive
      if (value === null) result = null
    }
    return result
  }
}

type ComparisonNode = Extract<ExpressionNode, { kind: ComparisonOperator }>

const decide: { readonly [K in ComparisonOperator]: (sign: number) => boolean } = {
  eq: sign => sign === 0,
  ne: sign => sign !== 0,
  lt: sign => sign < 0,
  lte: sign => sign <= 0,
  gt: sign => sign > 0,
  gte: sign => sign >= 0,
}

function compileComparison(node: ComparisonNode, input: RecordNode): Evaluate {
  const operands = comparisonOperands(node, input)
  if (operands.family === null) return () => null
  const left = compileExpression(operands.left, input)
  const right = compileExpression(operands.right, input)
  const compare = compareBy[operands.family]
  const holds = decide[node.kind]
  return record => {
    const a = left(record)
    if (a === null) return null
    const b = right(record)
    return b === null ? null : holds(compare(a as never, b as never))
  }
}

const compareBy: { readonly [F in Family]: (a: never, b: never) => number } = {
  text: compareText,
  number: (a: number, b: number) => a - b,
  decimal: compareDecimals,
  boolean: (a: boolean, b: boolean) => Number(a) - Number(b),
  timestamp: (a: Date, b: Date) => a.getTime() - b.getTime(),
}

/** The sign of a − b by code point. JavaScript's own order is by UTF-16 unit, which puts U+1F600 before U+FF61. */
function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  let i = 0
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++
  if (i === length) return a.length - b.length
  return codePointRank(a.charCodeAt(i)) - codePointRank(b.charCodeAt(i))
}

/** Puts surrogates, which stand for the code points above U+FFFF, behind every other unit. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
