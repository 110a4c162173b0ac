import { MillraceError } from './errors.ts'
import type { RecordNode, TypeNode } from './nodes.ts'
import { compileParser, formatIssue } from './parse.ts'
import type { StandardSchemaV1Props } from './standard-schema.ts'

/**
 * A type of values, declared once: the TypeScript type, the validator (Standard Schema v1), the Avro schema and the
 * table column all follow from it. Build one with `t`.
 */
export interface Type<T> {
  readonly node: TypeNode
  readonly '~standard': StandardSchemaV1Props<unknown, T>
}

/** A type with named fields; `fields` can be spread into another record. */
export interface RecordType<T> extends Type<T> {
  readonly node: RecordNode
  readonly fields: { readonly [K in keyof T]: Type<T[K]> }
}

/** The TypeScript type of a declared type: `Infer<typeof user>`. */
export type Infer<S extends Type<unknown>> = S extends Type<infer T> ? T : never

/** Names that Avro, SQL and the console can all show. */
const avroName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** The types of Millrace. Each throws `TYPE_INVALID` for parameters that make no sense. */
export const t = {
  /** Text that has a UTF-8 form. With `acceptNumbers`, a JSON number is taken too and becomes its shortest text. */
  text(options: { readonly acceptNumbers?: boolean } = {}): Type<string> {
    return type(options.acceptNumbers ? { kind: 'text', acceptNumbers: true } : { kind: 'text' })
  },

  /** A UUID, kept in lower case. */
  uuid(): Type<string> {
    return type({ kind: 'uuid' })
  },

  boolean(): Type<boolean> {
    return type({ kind: 'boolean' })
  },

  /** A whole number of 32 bits. */
  int(): Type<number> {
    return type({ kind: 'int' })
  },

  /** A whole number within ±(2^53 − 1), which a JavaScript number holds exactly. */
  long(): Type<number> {
    return type({ kind: 'long' })
  },

  /** A finite number. */
  double(): Type<number> {
    return type({ kind: 'double' })
  },

  /**
   * An exact decimal as text: at most `precision` digits (1 to 38), `scale` of them after the point, as in `12.50`.
   * Takes text or a number, and refuses one with more digits rather than rounding it.
   */
  decimal(precision: number, scale: number): Type<string> {
    if (!Number.isInteger(precision) || precision < 1 || precision > 38) {
      throw invalid(`decimal(${precision}, ${scale})`, 'Give a precision from 1 to 38.')
    }
    if (!Number.isInteger(scale) || scale < 0 || scale > precision) {
      throw invalid(`decimal(${precision}, ${scale})`, `Give a scale from 0 to the precision, ${precision}.`)
    }
    return type({ kind: 'decimal', precision, scale })
  },

  /** A point in time to the millisecond. Takes a `Date`, or ISO 8601 text with seconds and an offset. */
  timestamp(): Type<Date> {
    return type({ kind: 'timestamp' })
  },

  /** One of a few names: `t.enum('Status', ['new', 'paid'])`. */
  enum<const S extends string>(name: string, symbols: readonly S[]): Type<S> {
    checkName(name, 'enum')
    if (symbols.length === 0) throw invalid(`enum ${name}`, 'Give it at least one symbol.')
    for (const symbol of symbols) checkName(symbol, `symbol of enum ${name}`)
    const twice = symbols.find((symbol, i) => symbols.indexOf(symbol) !== i)
    if (twice !== undefined) throw invalid(`enum ${name}`, `It has the symbol ${twice} twice; keep one.`)
    return type({ kind: 'enum', name, symbols: [...symbols] })
  },

  /** A value or null; a field that is missing reads as null. */
  optional<T>(of: Type<T>): Type<T | null> {
    if (of.node.kind === 'optional') throw invalid('optional(optional(…))', 'Say optional once.')
    return type({ kind: 'optional', of: of.node })
  },

  array<T>(of: Type<T>): Type<readonly T[]> {
    return type({ kind: 'array', of: of.node })
  },

  /** Named fields in the order given. Fields that arrive but are not declared are dropped. */
  record<const F extends { readonly [name: string]: Type<unknown> }>(
    name: string,
    fields: F,
  ): RecordType<{ readonly [K in keyof F]: Infer<F[K]> }> {
    checkName(name, 'record')
    const names = Object.keys(fields)
    if (names.length === 0) throw invalid(`record ${name}`, 'Give it at least one field.')
    for (const field of names) checkName(field, `field of record ${name}`)
    const node: RecordNode = { kind: 'record', name, fields: names.map(f => ({ name: f, type: fields[f]!.node })) }
    return Object.freeze({ ...type<never>(node), node, fields: Object.freeze({ ...fields }) as never })
  },
}

function type<T>(node: TypeNode): Type<T> {
  const parse = compileParser(node)
  const validate: StandardSchemaV1Props<unknown, T>['validate'] = value => {
    const result = parse(value)
    if (result.issues === undefined) return { value: result.value as T }
    return { issues: result.issues.map(issue => ({ message: formatIssue({ ...issue, path: [] }), path: issue.path })) }
  }
  return Object.freeze({
    node: Object.freeze(node),
    '~standard': { version: 1 as const, vendor: 'millrace', validate },
  })
}

function checkName(name: string, of: string): void {
  if (avroName.test(name) && name !== '__proto__') return
  throw invalid(`${of} ${JSON.stringify(name)}`, 'Start names with a letter or _, go on with letters, digits and _.')
}

function invalid(what: string, fix: string): MillraceError {
  return new MillraceError('TYPE_INVALID', `${what} is not a type.`, { fix })
}
