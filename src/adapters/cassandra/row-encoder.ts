import { type TablePlan, tableId } from '../../plan/plan.ts'
import { type Row, RowsRejected } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { type Column, columnOf } from './columns.ts'

/** A row as its statement takes it. */
export interface EncodedRow {
  /** Its position in the write. */
  readonly index: number
  /** Equal for rows of one key. */
  readonly key: string | number
  readonly version: number
  readonly deleted: boolean
  /** Upsert: the values of all columns, then the version. Delete: the version, then the values of the primary key. */
  readonly parameters: readonly unknown[]
  /** About its bytes; see `Column.size`. */
  readonly size: number
}

/** Cassandra's limit for one value of a key, in bytes. */
const maxKeyBytes = 65_535

/** Checks rows and turns them into parameters. */
export class RowEncoder {
  readonly #place: string
  readonly #columns: readonly Column[]
  /** Positions of the primary key among the columns. */
  readonly #key: readonly number[]
  readonly #maxRowBytes: number
  /** What a null is written as. */
  readonly #null: unknown

  /** @param unset the driver's word for a value that is not to be written */
  constructor(plan: TablePlan, maxRowBytes: number, unset: unknown) {
    this.#place = tableId(plan)
    this.#columns = plan.columns.map(column => ({
      ...columnOf(column),
      nullable: column.nullable && !plan.primaryKey.includes(column.name),
    }))
    this.#key = plan.primaryKey.map(name => plan.columns.findIndex(column => column.name === name))
    this.#maxRowBytes = maxRowBytes
    this.#null = plan.appendOnly ? unset : null
  }

  /** @throws RowsRejected with every row that can never be stored. */
  encode(rows: readonly Row[]): EncodedRow[] {
    const encoded: EncodedRow[] = []
    const rejected: { index: number; error: MillraceError }[] = []
    for (let index = 0; index < rows.length; index++) {
      const row = this.#encodeRow(rows[index]!, index)
      if (row instanceof MillraceError) rejected.push({ index, error: row })
      else encoded.push(row)
    }
    if (rejected.length > 0) throw new RowsRejected(rejected)
    return encoded
  }

  #encodeRow({ values, version, deleted = false }: Row, index: number): EncodedRow | MillraceError {
    const count = deleted ? this.#key.length : this.#columns.length
    const parameters = new Array<unknown>(count + 1)
    const first = deleted ? 1 : 0
    let size = 8
    for (let i = 0; i < count; i++) {
      const at = deleted ? this.#key[i]! : i
      const column = this.#columns[at]!
      const value = values[at] ?? null
      if (value === null) {
        if (!column.nullable) return this.#wrongValue(column, value)
        parameters[first + i] = this.#null
      } else {
        if (!column.accepts(value)) return this.#wrongValue(column, value)
        parameters[first + i] = value
        size += column.size(value as never)
      }
    }
    parameters[deleted ? 0 : count] = version
    // A character is at most three bytes, so most rows need no exact count.
    if (size * 3 > this.#maxRowBytes) {
      const bytes = exactBytes(parameters)
      if (bytes > this.#maxRowBytes) return this.#tooLarge(`has ${bytes} bytes; the limit is ${this.#maxRowBytes}`)
    }
    const key = this.#keyOf(values)
    if (key instanceof MillraceError) return key
    return { index, key, version, deleted, parameters, size }
  }

  #keyOf(values: readonly unknown[]): string | number | MillraceError {
    for (const at of this.#key) {
      const value = values[at]
      if (typeof value !== 'string') continue
      if (value === '') return this.#wrongValue({ ...this.#columns[at]!, takes: 'text that is not empty' }, value)
      if (value.length * 3 > maxKeyBytes && Buffer.byteLength(value) > maxKeyBytes) {
        return this.#tooLarge(`has more than ${maxKeyBytes} bytes in ${this.#columns[at]!.name}, which is in the key`)
      }
    }
    const [at] = this.#key
    const only = this.#key.length === 1 ? values[at!] : null
    if (typeof only === 'string' || typeof only === 'number') return only
    return JSON.stringify(this.#key.map(position => values[position]))
  }

  #wrongValue(column: Pick<Column, 'name' | 'takes'>, value: unknown): MillraceError {
    const found = value === null ? 'null' : typeof value === 'object' ? value.constructor?.name : typeof value
    return new MillraceError('RECORD_REJECTED', `Column ${column.name} takes ${column.takes}; the row has ${found}.`, {
      place: `${this.#place}.${column.name}`,
    })
  }

  #tooLarge(what: string): MillraceError {
    return new MillraceError('RECORD_REJECTED', `The row ${what}.`, { place: this.#place })
  }
}

function exactBytes(parameters: readonly unknown[]): number {
  return parameters.reduce<number>((sum, value) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : 8), 0)
}

/** Of several rows of one key only the newest has to be sent. */
export function newestOfEachKey(rows: readonly EncodedRow[]): readonly EncodedRow[] {
  const newest = new Map<string | number, EncodedRow>()
  for (const row of rows) {
    const other = newest.get(row.key)
    if (other === undefined || row.version >= other.version) newest.set(row.key, row)
  }
  return newest.size === rows.length ? rows : [...newest.values()]
}
