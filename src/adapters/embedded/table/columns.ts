import { type ColumnKind, columnKind } from '../../../plan/column-kind.ts'
import type { ColumnPlan } from '../../../plan/plan.ts'

/** A value as SQLite keeps it. */
export type StoredValue = string | number | null

/** How values of one column go into SQLite and come back. */
export interface Column {
  readonly name: string
  readonly nullable: boolean
  readonly sqlType: 'TEXT' | 'INTEGER' | 'REAL'
  /** What is stored for a value that is not null; undefined if the column cannot hold it. */
  readonly encode: (value: unknown) => string | number | undefined
  readonly decode: (stored: string | number) => unknown
  /** What `encode` takes, for people. */
  readonly takes: string
}

type Coding = Omit<Column, 'name' | 'nullable'>

/** @throws MillraceError `PLAN_UNSUPPORTED` for a type that has no column. */
export function columnOf(plan: ColumnPlan): Column {
  return { name: plan.name, nullable: plan.nullable, ...codings[columnKind(plan)] }
}

const text: Coding = {
  sqlType: 'TEXT',
  // A lone surrogate has no UTF-8: it is stored as U+FFFD, as in Kafka and Cassandra.
  encode: value => (typeof value === 'string' ? value : undefined),
  decode: stored => stored,
  takes: 'text',
}

const boolean: Coding = {
  sqlType: 'INTEGER',
  encode: value => (value === true ? 1 : value === false ? 0 : undefined),
  decode: stored => stored === 1,
  takes: 'true or false',
}

const int: Coding = {
  sqlType: 'INTEGER',
  encode: value => (typeof value === 'number' && (value | 0) === value ? value : undefined),
  decode: stored => stored,
  takes: 'a whole number of 32 bits',
}

const long: Coding = {
  sqlType: 'INTEGER',
  encode: value => (Number.isSafeInteger(value) ? (value as number) : undefined),
  decode: stored => stored,
  takes: 'a whole number within ±(2^53 − 1)',
}

const double: Coding = {
  sqlType: 'REAL',
  // SQLite turns NaN into null.
  encode: value => (typeof value === 'number' && !Number.isNaN(value) ? value : undefined),
  decode: stored => stored,
  takes: 'a number',
}

const timestamp: Coding = {
  sqlType: 'TEXT',
  encode: value => (value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : undefined),
  decode: stored => new Date(stored),
  takes: 'a valid Date',
}

const codings: { readonly [kind in ColumnKind]: Coding } = {
  ...{ text, enum: text, uuid: text, decimal: text, boolean, int, long, double, timestamp },
}
