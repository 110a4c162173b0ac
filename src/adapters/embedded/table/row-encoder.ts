import { type TablePlan, tableId } from '../../../plan/plan.ts'
import type { Row } from '../../../ports/table.ts'
import { MillraceError } from '../../../sdk/errors.ts'
import { type Column, columnOf, type StoredValue } from './columns.ts'

/** A row as the statements take it: the values of all columns, or of the primary key for a delete, then the version. */
export interface EncodedRow {
  /** The first value of the primary key. */
  readonly key: string | number
  readonly values: readonly StoredValue[]
  readonly deleted: boolean
}

export function compareKeys(a: EncodedRow, b: EncodedRow): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}

/** Checks rows and turns their values into what SQLite stores. */
export class RowEncoder {
  readonly #place: string
  readonly #columns: readonly Column[]
  /** Positions of the primary key among the columns. */
  readonly #key: readonly number[]
  readonly #maxRowBytes: number

  constructor(plan: TablePlan, maxRowBytes: number) {
    this.#place = tableId(plan)
    this.#columns = plan.columns.map(column =>
      plan.primaryKey.includes(column.name) ? { ...columnOf(column), nullable: false } : columnOf(column),
    )
    this.#key = plan.primaryKey.map(name => plan.columns.findIndex(column => column.name === name))
    this.#maxRowBytes = maxRowBytes
  }

  /** The row, or why it can never be stored. */
  encode(row: Row): EncodedRow | MillraceError {
    const deleted = row.deleted === true
    const count = deleted ? this.#key.length : this.#columns.length
    const values = new Array<StoredValue>(count + 1)
    let characters = 0
    for (let i = 0; i < count; i++) {
      const at = deleted ? this.#key[i]! : i
      const column = this.#columns[at]!
      const value = row.values[at] ?? null
      const stored = value === null ? null : column.encode(value)
      if (stored === undefined || (stored === null && !column.nullable)) return this.#wrongValue(column, value)
      if (typeof stored === 'string') characters += stored.length
      values[i] = stored
    }
    // A UTF-16 unit is at most three bytes of UTF-8, so most rows need no exact count.
    if (characters * 3 > this.#maxRowBytes && utf8Length(values) > this.#maxRowBytes) return this.#tooLarge(values)
    const key = values[deleted ? 0 : this.#key[0]!] as string | number
    values[count] = row.version
    return { key, values, deleted }
  }

  #wrongValue(column: Column, value: unknown): MillraceError {
    const found = value === null ? 'null' : typeof value === 'object' ? value.constructor?.name : typeof value
    return new MillraceError('RECORD_REJECTED', `Column ${column.name} takes ${column.takes}; the row has ${found}.`, {
      place: `${this.#place}.${column.name}`,
    })
  }

  #tooLarge(values: readonly StoredValue[]): MillraceError {
    const bytes = utf8Length(values)
    return new MillraceError(
      'RECORD_REJECTED',
      `The row has ${bytes} bytes of text; the limit is ${this.#maxRowBytes}.`,
      {
        place: this.#place,
      },
    )
  }
}

function utf8Length(values: readonly StoredValue[]): number {
  return values.reduce<number>((sum, value) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : 0), 0)
}
