import { coalesceOperands, comparisonOperands, type Family, typeOf } from '../../plan/expression-types.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { ComparisonOperator, ExpressionNode, RecordNode, TypeNode } from '../../sdk/nodes.ts'
import { expectation } from '../../sdk/parse.ts'
import { sparkFunctions } from './session-setup.ts'
import { quoteName, sparkType } from './types.ts'

/** Digits that a decimal of Spark holds. */
const maxPrecision = 38

/** White space as JavaScript's `trim` knows it; Spark's own takes only spaces. */
const whiteSpace =
  '\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'

/**
 * An expression over records of `input` as Spark SQL with the same meaning as its closure has (G10). It needs
 * `sessionSettings` and the functions of ours.
 *
 * @param root where the record is, as SQL
 * @throws MillraceError `FIELD_UNKNOWN`, `TYPE_MISMATCH`; `PLAN_UNSUPPORTED` for decimals that Spark cannot compare.
 */
export function expressionSql(node: ExpressionNode, input: RecordNode, root: string): string {
  const sql = (of: ExpressionNode) => expressionSql(of, input, root)
  switch (node.kind) {
    case 'field':
      typeOf(node, input)
      return [root, ...node.path.map(quoteName)].join('.')
    case 'literal':
      return literalSql(node, input)
    case 'concat':
      return `concat(${node.parts.map(part => textSql(part, input, root)).join(', ')})`
    case 'coalesce': {
      const { type, operands } = coalesceOperands(node.of, input)
      if (type === null) return 'NULL'
      return `coalesce(${operands.map(operand => castSql(sql(operand), type)).join(', ')})`
    }
    case 'upper':
    case 'lower':
      return `${node.kind}(${sql(node.of)})`
    case 'trim':
      return `trim(BOTH ${quoteText(whiteSpace)} FROM ${sql(node.of)})`
    case 'cast':
      return textSql(node.of, input, root)
    case 'eq':
    case 'ne':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return comparisonSql(node, input, root)
    case 'and':
      return logicSql(node.of.map(sql), 'AND', 'true')
    case 'or':
      return logicSql(node.of.map(sql), 'OR', 'false')
    case 'not':
      return `(NOT ${sql(node.of)})`
    case 'isNull':
      return `(${sql(node.of)} IS NULL)`
  }
}

/** A value as the type of the column it goes to. */
export function castSql(sql: string, to: TypeNode): string {
  return `CAST(${sql} AS ${sparkType(to)})`
}

/** Without a dollar sign, since Spark puts the values of settings in for `${…}`, in a text too. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('$', '\\u0024')}'`
}

function literalSql(node: Extract<ExpressionNode, { kind: 'literal' }>, input: RecordNode): string {
  const { type } = typeOf(node, input)
  const { value } = node
  if (type === null || value === null) return 'NULL'
  switch (type.kind) {
    case 'timestamp':
      return `timestamp_millis(${Date.parse(String(value))}L)`
    case 'int':
    case 'long':
    case 'double':
    case 'decimal':
      return castSql(quoteText(String(value)), type)
    case 'boolean':
      return String(value)
    default:
      return quoteText(String(value))
  }
}

function textSql(node: ExpressionNode, input: RecordNode, root: string): string {
  const sql = expressionSql(node, input, root)
  switch (typeOf(node, input).type?.kind) {
    case 'text':
    case 'uuid':
    case 'enum':
      return sql
    case 'double':
      return `${sparkFunctions.numberText}(${sql})`
    case 'timestamp':
      return `${sparkFunctions.timeText}(unix_millis(${sql}))`
    default:
      return `CAST(${sql} AS STRING)`
  }
}

const operators: { readonly [K in ComparisonOperator]: string } = {
  ...{ eq: '=', ne: '!=', lt: '<', lte: '<=', gt: '>', gte: '>=' },
}

type ComparisonNode = Extract<ExpressionNode, { kind: ComparisonOperator }>

function comparisonSql(node: ComparisonNode, input: RecordNode, root: string): string {
  const { left, right, family } = comparisonOperands(node, input)
  if (family === null) return 'CAST(NULL AS BOOLEAN)'
  const type = comparedAs(left, right, family, input)
  const operand = (of: ExpressionNode) => {
    const sql = expressionSql(of, input, root)
    return type === null ? sql : castSql(sql, type)
  }
  return `(${operand(left)} ${operators[node.kind]} ${operand(right)})`
}

/** The type that holds both sides exactly; null where they are of one type already. */
function comparedAs(left: ExpressionNode, right: ExpressionNode, family: Family, input: RecordNode): TypeNode | null {
  const types = [typeOf(left, input).type!, typeOf(right, input).type!]
  if (family === 'number') return { kind: types.some(({ kind }) => kind === 'double') ? 'double' : 'long' }
  if (family !== 'decimal') return null
  const decimals = types.flatMap(type => (type.kind === 'decimal' ? [type] : []))
  const scale = Math.max(...decimals.map(each => each.scale))
  const precision = scale + Math.max(...decimals.map(each => each.precision - each.scale))
  if (precision <= maxPrecision) return { kind: 'decimal', precision, scale }
  throw new MillraceError(
    'PLAN_UNSUPPORTED',
    `Spark cannot compare ${decimals.map(expectation).join(' with ')} exactly.`,
    {
      fix: `Declare decimals that fit ${maxPrecision} digits together, or run this stage on Node.`,
    },
  )
}

function logicSql(operands: readonly string[], operator: 'AND' | 'OR', empty: string): string {
  return operands.length === 0 ? empty : `(${operands.join(` ${operator} `)})`
}
