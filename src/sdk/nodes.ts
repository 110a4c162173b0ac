import type { Json } from './json.ts'

/**
 * What `t` and the expression functions build: plain JSON that the plan stores, prints and compares,
 * and that each target turns into what it runs (closures, Avro, columns, Spark).
 */
export type TypeNode =
  /** Text. With `acceptNumbers`, a JSON number is taken too and becomes its shortest decimal text. */
  | { readonly kind: 'text'; readonly acceptNumbers?: true }
  /** An RFC 9562 UUID, kept as lower-case text with hyphens. */
  | { readonly kind: 'uuid' }
  | { readonly kind: 'boolean' }
  /** A whole number of 32 bits. */
  | { readonly kind: 'int' }
  /** A whole number within ±(2^53 − 1), so that a JavaScript number holds it exactly. */
  | { readonly kind: 'long' }
  | { readonly kind: 'double' }
  /** An exact decimal, as text such as `12.50`: at most `precision` digits, exactly `scale` after the point. */
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  /** A point in time with millisecond precision: a `Date`, written in JSON as ISO 8601 with an offset. */
  | { readonly kind: 'timestamp' }
  | { readonly kind: 'enum'; readonly name: string; readonly symbols: readonly string[] }
  /** A value or null; a missing field reads as null. */
  | { readonly kind: 'optional'; readonly of: TypeNode }
  | { readonly kind: 'array'; readonly of: TypeNode }
  | RecordNode

export interface RecordNode {
  readonly kind: 'record'
  readonly name: string
  readonly fields: readonly FieldNode[]
}

export interface FieldNode {
  readonly name: string
  readonly type: TypeNode
}

export type ComparisonOperator = 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte'

/** Null follows SQL: `concat` and comparisons with a null are null, and a `where` that is null is not met. */
export type ExpressionNode =
  /** A field of the incoming record by its path; a null on the way gives null. */
  | { readonly kind: 'field'; readonly path: readonly string[] }
  /** A constant; where JSON's own types don't say enough, `type` does (a timestamp, a decimal) and `value` is its JSON. */
  | { readonly kind: 'literal'; readonly value: Json; readonly type?: TypeNode }
  | { readonly kind: 'concat'; readonly parts: readonly ExpressionNode[] }
  /** The first that is not null. */
  | { readonly kind: 'coalesce'; readonly of: readonly ExpressionNode[] }
  | { readonly kind: 'upper' | 'lower' | 'trim'; readonly of: ExpressionNode }
  /** To text: numbers in their shortest form, timestamps in ISO 8601 UTC, booleans as true or false. */
  | { readonly kind: 'cast'; readonly of: ExpressionNode; readonly to: 'text' }
  | { readonly kind: ComparisonOperator; readonly left: ExpressionNode; readonly right: ExpressionNode }
  | { readonly kind: 'and' | 'or'; readonly of: readonly ExpressionNode[] }
  | { readonly kind: 'not' | 'isNull'; readonly of: ExpressionNode }

/** One output field each, in the order of the row. */
export type SelectNode = readonly { readonly name: string; readonly value: ExpressionNode }[]

/** A declared source: which adapter runs it, with which settings, and what its records look like. */
export interface SourceNode {
  readonly kind: 'http' | 'files'
  /** For people: `randomuser`, `http`, `files`. */
  readonly name: string
  readonly schema: RecordNode
  /** The adapter's own settings; each adapter states their shape. */
  readonly settings: { readonly [key: string]: Json }
}
