import { type ColumnKind, columnKind } from '../../plan/column-kind.ts'
import type { ColumnPlan } from '../../plan/plan.ts'

export type CqlType = 'text' | 'uuid' | 'boolean' | 'int' | 'bigint' | 'double' | 'decimal' | 'timestamp'

/** How values of one column are checked, and which type they have in Cassandra. */
export interface Column {
  readonly name: string
  readonly nullable: boolean
  readonly cqlType: CqlType
  /** Whether the column can hold a value that is not null. */
  readonly accepts: (value: unknown) => boolean
  /** About the bytes that an accepted value takes. A character counts as one and may take three. */
  readonly size: (value: never) => number
  /** What `accepts` takes, for people. */
  readonly takes: string
}

type Coding = Omit<Column, 'name' | 'nullable'>

/** @throws MillraceError `PLAN_UNSUPPORTED` for a type that has no column. */
export function columnOf(plan: ColumnPlan): Column {
  return { name: plan.name, nullable: plan.nullable, ...codings[columnKind(plan)] }
}

const text: Coding = {
  cqlType: 'text',
  accepts: value => typeof value === 'string',
  size: (value: string) => value.length,
  takes: 'text',
}

const uuid: Coding = {
  cqlType: 'uuid',
  accepts: value =>
    typeof value === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(value),
  size: () => 16,
  takes: 'a UUID',
}

const boolean: Coding = {
  cqlType: 'boolean',
  accepts: value => typeof value === 'boolean',
  size: () => 1,
  takes: 'true or false',
}

const int: Coding = {
  cqlType: 'int',
  accepts: value => typeof value === 'number' && (value | 0) === value,
  size: () => 4,
  takes: 'a whole number of 32 bits',
}

const long: Coding = {
  cqlType: 'bigint',
  accepts: value => Number.isSafeInteger(value),
  size: () => 8,
  takes: 'a whole number within ±(2^53 − 1)',
}

const double: Coding = {
  cqlType: 'double',
  // Cassandra would keep NaN, but other tables cannot, and a row is the same on all of them (G10).
  accepts: value => typeof value === 'number' && !Number.isNaN(value),
  size: () => 8,
  takes: 'a number',
}

const decimal: Coding = {
  cqlType: 'decimal',
  accepts: value => typeof value === 'string' && /^-?\d{1,400}(?:\.\d{1,400})?$/.test(value),
  size: (value: string) => value.length + 4,
  takes: 'a decimal as text',
}

const timestamp: Coding = {
  cqlType: 'timestamp',
  accepts: value => value instanceof Date && !Number.isNaN(value.getTime()),
  size: () => 8,
  takes: 'a valid Date',
}

const codings: { readonly [kind in ColumnKind]: Coding } = {
  ...{ text, enum: text, uuid, boolean, int, long, double, decimal, timestamp },
}

/** What a column that others made may be declared as; null for types that have no equal here. */
export function kindOf(cqlType: string): ColumnPlan['type'] | null {
  switch (cqlType) {
    case 'text':
    case 'varchar':
    case 'ascii':
      return { kind: 'text' }
    case 'uuid':
    case 'boolean':
    case 'int':
    case 'double':
    case 'timestamp':
      return { kind: cqlType }
    case 'bigint':
      return { kind: 'long' }
    default:
      return null
  }
}
