import { MillraceError } from './errors.ts'
import type { ComparisonOperator, ExpressionNode, RecordNode, TypeNode } from './nodes.ts'

/**
 * Keys of an expression that no field of a record can collide with. Registered, so that a pipeline file that resolves
 * `millrace` to another copy than the command line is understood.
 */
const node: unique symbol = Symbol.for('millrace.node')
declare const type: unique symbol

/**
 * Something to compute from a record, as data: every target turns it into what it runs. Null follows SQL: what is
 * computed from a null is null, unless the function says otherwise.
 */
export interface Expression<T> {
  readonly [node]: ExpressionNode
  /** Only for TypeScript: there is no value yet. */
  readonly [type]: T
}

/** What has one value, as opposed to a record or an array. */
export type Scalar = string | number | boolean | Date

/** An expression, or a constant of the same type. */
export type Operand<T> = Expression<T> | Extract<T, Scalar | null>

/** The value of an expression or constant. */
export type ValueOf<O> = O extends Expression<infer T> ? T : O

/**
 * The fields of a record as expressions, nested ones too: `user.location.street.number`. Behind an optional record
 * every field may be null.
 */
export type Fields<T> = Expression<T> & Nested<NonNullable<T>, Extract<T, null>>

type Nested<T, Null> = [T] extends [Scalar | readonly unknown[]]
  ? unknown
  : { readonly [K in keyof T]-?: Fields<T[K] | Null> }

type NullOf<T> = Extract<T, null>

/** Constants are compared by their general type: the constant 'a' with any text. */
type Comparable<O> =
  O extends Expression<infer T>
    ? NonNullable<T>
    : O extends string
      ? string
      : O extends number
        ? number
        : O extends boolean
          ? boolean
          : NonNullable<O>

/** The expressions that a `select` or `where` over records of this type is given. */
export function fieldsOf<T>(record: RecordNode): Fields<T> {
  return field([], record) as Fields<T>
}

/** Any name gives a field, so that one the record lacks is reported with its path rather than as undefined. */
function field(path: readonly string[], type: TypeNode | null): Expression<unknown> {
  const record = type?.kind === 'optional' ? type.of : type
  const fields = new Map(record?.kind === 'record' ? record.fields.map(each => [each.name, each.type]) : [])
  return new Proxy(expression({ kind: 'field', path }), {
    get: (target, key) =>
      typeof key === 'string' ? field([...path, key], fields.get(key) ?? null) : Reflect.get(target, key),
    // Lets `...rest` and `{ ...record, more }` see the declared fields.
    ownKeys: target => [...fields.keys(), ...Reflect.ownKeys(target)],
    getOwnPropertyDescriptor: (target, key) =>
      typeof key === 'string' && fields.has(key)
        ? { value: field([...path, key], fields.get(key)!), enumerable: true, configurable: true }
        : Reflect.getOwnPropertyDescriptor(target, key),
  })
}

function expression<T>(of: ExpressionNode): Expression<T> {
  return { [node]: of, [Symbol.toPrimitive]: refuseOperator } as unknown as Expression<T>
}

/** `user.first + user.last` and `${user.first}` would join the words [object Object]. */
function refuseOperator(): never {
  throw new MillraceError(
    'TYPE_MISMATCH',
    'An expression is not a value yet, so neither + nor < nor a template literal can use it.',
    {
      fix: 'Use concat(…) to join, and eq, lt, gt, … to compare.',
    },
  )
}

/** The node of an expression or constant. @throws MillraceError `TYPE_MISMATCH` for anything else. */
export function nodeOf(operand: unknown): ExpressionNode {
  if (operand instanceof Date) {
    if (Number.isNaN(operand.getTime())) throw notAnOperand('an invalid Date')
    return { kind: 'literal', value: operand.toISOString(), type: { kind: 'timestamp' } }
  }
  // JSON, which a plan is, has no −0.
  if (operand === 0) return { kind: 'literal', value: 0 }
  if (operand === null || typeof operand === 'string' || typeof operand === 'boolean' || Number.isFinite(operand)) {
    return { kind: 'literal', value: operand as string | number | boolean | null }
  }
  const of = typeof operand === 'object' ? (operand as Partial<Expression<unknown>>)[node] : undefined
  if (of === undefined) throw notAnOperand(Array.isArray(operand) ? 'an array' : `${typeof operand}`)
  return of
}

function notAnOperand(what: string): MillraceError {
  return new MillraceError('TYPE_MISMATCH', `Found ${what} where an expression or a constant is needed.`, {
    fix: 'Give a field of the record, an expression such as concat(…), or a text, number, boolean, Date or null.',
  })
}

/** A constant. Plain constants are taken wherever an expression is, so this is rarely needed. */
export function literal<const T extends Scalar | null>(value: T): Expression<T> {
  return expression(nodeOf(value))
}

/** Joins the parts as text; numbers, times and booleans are cast. Null if any part is. */
export function concat<const P extends readonly Operand<Scalar | null>[]>(
  ...parts: P
): Expression<string | NullOf<ValueOf<P[number]>>> {
  return expression({ kind: 'concat', parts: parts.map(nodeOf) })
}

/** The first operand that is not null. */
export function coalesce<const P extends readonly Operand<Scalar | null>[]>(
  ...of: P
): Expression<NonNullable<ValueOf<P[number]>> | (null extends ValueOf<Every<P>> ? null : never)> {
  return expression({ kind: 'coalesce', of: of.map(nodeOf) })
}

/** Has null only if every operand's type has. */
type Every<P extends readonly unknown[]> = P[number] extends infer O
  ? [O extends unknown ? (null extends ValueOf<O> ? never : O) : never] extends [never]
    ? null
    : never
  : never

/** In upper case, by Unicode's default rules whatever the machine's language. */
export function upper<const O extends Operand<string | null>>(of: O): Expression<string | NullOf<ValueOf<O>>> {
  return expression({ kind: 'upper', of: nodeOf(of) })
}

/** In lower case, by Unicode's default rules whatever the machine's language. */
export function lower<const O extends Operand<string | null>>(of: O): Expression<string | NullOf<ValueOf<O>>> {
  return expression({ kind: 'lower', of: nodeOf(of) })
}

/** Without white space at both ends. */
export function trim<const O extends Operand<string | null>>(of: O): Expression<string | NullOf<ValueOf<O>>> {
  return expression({ kind: 'trim', of: nodeOf(of) })
}

/** As text: numbers in their shortest form, times in ISO 8601 UTC with milliseconds, booleans as `true` or `false`. */
export function cast<const O extends Operand<Scalar | null>>(
  of: O,
  to: 'text',
): Expression<string | NullOf<ValueOf<O>>> {
  return expression({ kind: 'cast', of: nodeOf(of), to })
}

/** Short for `cast(of, 'text')`. */
export function text<const O extends Operand<Scalar | null>>(of: O): Expression<string | NullOf<ValueOf<O>>> {
  return cast(of, 'text')
}

type Comparison<L, R> = Expression<boolean | NullOf<ValueOf<L>> | NullOf<ValueOf<R>>>

/** Equal. Null if either side is: use `isNull` to ask for null. */
export function eq<const L extends Operand<Scalar | null>, const R extends Operand<Comparable<L> | null>>(
  left: L,
  right: R,
): Comparison<L, R> {
  return compare('eq', left, right)
}

/** Not equal. Null if either side is. */
export function ne<const L extends Operand<Scalar | null>, const R extends Operand<Comparable<L> | null>>(
  left: L,
  right: R,
): Comparison<L, R> {
  return compare('ne', left, right)
}

type Ordered = string | number | Date

/** Less than: numbers and decimals by size, times by time, text by Unicode code point. Null if either side is. */
export function lt<const L extends Operand<Ordered | null>, const R extends Operand<Comparable<L> | null>>(
  left: L,
  right: R,
): Comparison<L, R> {
  return compare('lt', left, right)
}

/** Less than or equal; ordered as by `lt`. */
export function lte<const L extends Operand<Ordered | null>, const R extends Operand<Comparable<L> | null>>(
  left: L,
  right: R,
): Comparison<L, R> {
  return compare('lte', left, right)
}

/** Greater than; ordered as by `lt`. */
export function gt<const L extends Operand<Ordered | null>, const R extends Operand<Comparable<L> | null>>(
  left: L,
  right: R,
): Comparison<L, R> {
  return compare('gt', left, right)
}

/** Greater than or equal; ordered as by `lt`. */
export function gte<const L extends Operand<Ordered | null>, const R extends Operand<Comparable<L> | null>>(
  left: L,
  right: R,
): Comparison<L, R> {
  return compare('gte', left, right)
}

function compare<T>(kind: ComparisonOperator, left: unknown, right: unknown): Expression<T> {
  return expression({ kind, left: nodeOf(left), right: nodeOf(right) })
}

/** False if any operand is, else null if any is null, else true. */
export function and<const P extends readonly Operand<boolean | null>[]>(
  ...of: P
): Expression<boolean | NullOf<ValueOf<P[number]>>> {
  return expression({ kind: 'and', of: of.map(nodeOf) })
}

/** True if any operand is, else null if any is null, else false. */
export function or<const P extends readonly Operand<boolean | null>[]>(
  ...of: P
): Expression<boolean | NullOf<ValueOf<P[number]>>> {
  return expression({ kind: 'or', of: of.map(nodeOf) })
}

/** True for false, false for true, null for null. */
export function not<const O extends Operand<boolean | null>>(of: O): Expression<boolean | NullOf<ValueOf<O>>> {
  return expression({ kind: 'not', of: nodeOf(of) })
}

/** Whether the operand is null; itself never null. */
export function isNull(of: Expression<unknown> | Scalar | null): Expression<boolean> {
  return expression({ kind: 'isNull', of: nodeOf(of) })
}
