import { type ColumnKind, columnKind } from '../../plan/column-kind.ts'
import type { ColumnPlan } from '../../plan/plan.ts'
import type { ValueWriter } from './value-writer.ts'

export type CqlType = 'text' | 'uuid' | 'boolean' | 'int' | 'bigint' | 'double' | 'decimal' | 'timestamp'

/** How values of one column are checked and written, and which type they have in Cassandra. */
export interface Column {
  readonly name: string
  readonly nullable: boolean
  readonly cqlType: CqlType
  /** Writes a value that is not null; false if the column cannot hold it. */
  readonly write: (value: unknown, writer: ValueWriter) => boolean
  /** What `write` takes, for people. */
  readonly takes: string
}

type Coding = Omit<Column, 'name' | 'nullable'>

/** @throws MillraceError `PLAN_UNSUPPORTED` for a type that has no column. */
export function columnOf(plan: ColumnPlan): Column {
  return { name: plan.name, nullable: plan.nullable, ...codings[columnKind(plan)] }
}

const text: Coding = {
  cqlType: 'text',
  write(value, writer) {
    if (typeof value !== 'string') return false
    writer.writeText(value)
    return true
  },
  takes: 'text',
}

const uuid: Coding = {
  cqlType: 'uuid',
  write: (value, writer) => typeof value === 'string' && writer.writeUuid(value),
  takes: 'a UUID',
}

const boolean: Coding = {
  cqlType: 'boolean',
  write(value, writer) {
    if (typeof value !== 'boolean') return false
    writer.writeBoolean(value)
    return true
  },
  takes: 'true or false',
}

const int: Coding = {
  cqlType: 'int',
  write(value, writer) {
    if (typeof value !== 'number' || (value | 0) !== value) return false
    writer.writeInt(value)
    return true
  },
  takes: 'a whole number of 32 bits',
}

const long: Coding = {
  cqlType: 'bigint',
  write(value, writer) {
    if (!Number.isSafeInteger(value)) return false
    writer.writeLong(value as number)
    return true
  },
  takes: 'a whole number within ±(2^53 − 1)',
}

const double: Coding = {
  cqlType: 'double',
  write(value, writer) {
    // Cassandra would keep NaN, but other tables cannot, and a row is the same on all of them (G10).
    if (typeof value !== 'number' || Number.isNaN(value)) return false
    writer.writeDouble(value)
    return true
  },
  takes: 'a number',
}

const decimal: Coding = {
  cqlType: 'decimal',
  write(value, writer) {
    if (typeof value !== 'string' || !/^-?\d{1,400}(?:\.\d{1,400})?$/.test(value)) return false
    writer.writeDecimal(value)
    return true
  },
  takes: 'a decimal as text',
}

const timestamp: Coding = {
  cqlType: 'timestamp',
  write(value, writer) {
    if (!(value instanceof Date) || Number.isNaN(value.getTime())) return false
    writer.writeLong(value.getTime())
    return true
  },
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
