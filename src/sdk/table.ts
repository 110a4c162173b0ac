import type { RecordType, Type } from './types.ts'

/** A table of the target's database. Build one with `table`. */
export interface Table<T> {
  readonly kind: 'table'
  /** `<keyspace>.<table>`. */
  readonly name: string
  readonly row: RecordType<T>
  readonly primaryKey: readonly string[]
  readonly appendOnly: boolean
}

export interface TableOptions<T> {
  /** One column a field; records and arrays cannot be columns. */
  readonly row: RecordType<T>
  /** The columns that identify a row, in order; none of them optional. */
  readonly primaryKey: readonly PrimaryKeyField<T>[]
  /** Rows are only ever added, never changed, so nulls need not be written. Default false. */
  readonly appendOnly?: boolean
}

export type PrimaryKeyField<T> = { [K in keyof T & string]: null extends T[K] ? never : K }[keyof T & string]

/** Declares a table, named `<keyspace>.<table>`. What is wrong with it is reported when its pipeline is compiled. */
export function table<T>(name: string, options: TableOptions<T>): Table<T> {
  const { row, primaryKey, appendOnly = false } = options
  return Object.freeze({ kind: 'table' as const, name, row, primaryKey, appendOnly })
}

/** The type of a table's rows: `RowOf<typeof createdUsers>`. */
export type RowOf<T extends Table<unknown>> = T['row'] extends Type<infer R> ? R : never
