import { type TablePlan, tableId } from '../../plan/plan.ts'
import { type Row, RowsRejected } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { type Column, columnOf } from './columns.ts'
import type { Placement } from './placement.ts'
import { ValueWriter } from './value-writer.ts'

/** A row in the bytes that its statement takes. */
export interface EncodedRow {
  /** Its position in the write. */
  readonly index: number
  /** Equal for rows of one key. */
  readonly key: string | number
  readonly version: number
  readonly deleted: boolean
  /**
   * Where its values stand among the bytes of the write, each after its length. Upsert: all columns, then the version.
   * Delete: the version, then the primary key.
   */
  readonly start: number
  readonly end: number
  /** Null where every node holds every row. */
  readonly routingKey: Buffer | null
}

export interface EncodedRows {
  readonly rows: readonly EncodedRow[]
  readonly bytes: Buffer
}

/** Cassandra's limit for one value of a key, in bytes. */
const maxKeyBytes = 65_535
const leastCapacity = 4_096

/** Checks rows and writes them in Cassandra's bytes. */
export class RowEncoder {
  readonly #place: string
  readonly #columns: readonly Column[]
  /** Positions of the primary key among the columns. */
  readonly #key: readonly number[]
  readonly #maxRowBytes: number
  readonly #appendOnly: boolean
  /** Bytes of a row in the write before, rounded up. */
  #usualBytes = 0

  constructor(plan: TablePlan, maxRowBytes: number) {
    this.#place = tableId(plan)
    this.#columns = plan.columns.map(column => ({
      ...columnOf(column),
      nullable: column.nullable && !plan.primaryKey.includes(column.name),
    }))
    this.#key = plan.primaryKey.map(name => plan.columns.findIndex(column => column.name === name))
    this.#maxRowBytes = maxRowBytes
    this.#appendOnly = plan.appendOnly
  }

  /** @throws RowsRejected with every row that can never be stored. */
  encode(rows: readonly Row[], placement: Pick<Placement, 'routingKeyOf'> | null): EncodedRows {
    const writer = new ValueWriter(Math.max(leastCapacity, rows.length * this.#usualBytes))
    const encoded: EncodedRow[] = []
    const rejected: { index: number; error: MillraceError }[] = []
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!
      const start = writer.length
      const error = this.#write(row, writer)
      if (error !== null) {
        rejected.push({ index, error })
        writer.length = start
        continue
      }
      const { version, deleted = false, values } = row
      const routingKey = placement === null ? null : placement.routingKeyOf(row)
      encoded.push({ index, key: this.#keyOf(values), version, deleted, start, end: writer.length, routingKey })
    }
    if (rejected.length > 0) throw new RowsRejected(rejected)
    this.#usualBytes = Math.ceil(writer.length / Math.max(1, rows.length))
    return { rows: encoded, bytes: writer.bytes }
  }

  /** Why the row can never be stored, if that is so. */
  #write({ values, version, deleted = false }: Row, writer: ValueWriter): MillraceError | null {
    const start = writer.length
    if (deleted) writer.writeLong(version)
    const count = deleted ? this.#key.length : this.#columns.length
    for (let i = 0; i < count; i++) {
      const at = deleted ? this.#key[i]! : i
      const column = this.#columns[at]!
      const value = values[at] ?? null
      if (value !== null) {
        if (!column.write(value, writer)) return this.#wrongValue(column, value)
      } else if (!column.nullable) return this.#wrongValue(column, value)
      else if (this.#appendOnly) writer.writeUnset()
      else writer.writeNull()
    }
    if (!deleted) writer.writeLong(version)
    const bytes = writer.length - start
    if (bytes > this.#maxRowBytes) return this.#tooLarge(`has ${bytes} bytes; the limit is ${this.#maxRowBytes}`)
    return this.#keyFault(values)
  }

  #keyFault(values: readonly unknown[]): MillraceError | null {
    for (const at of this.#key) {
      const value = values[at]
      if (typeof value !== 'string') continue
      if (value === '') return this.#wrongValue({ ...this.#columns[at]!, takes: 'text that is not empty' }, value)
      if (value.length * 3 > maxKeyBytes && Buffer.byteLength(value) > maxKeyBytes) {
        return this.#tooLarge(`has more than ${maxKeyBytes} bytes in ${this.#columns[at]!.name}, which is in the key`)
      }
    }
    return null
  }

  #keyOf(values: readonly unknown[]): string | number {
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

/** Of several rows of one key only the newest has to be sent. */
export function newestOfEachKey(rows: readonly EncodedRow[]): readonly EncodedRow[] {
  const newest = new Map<string | number, EncodedRow>()
  for (const row of rows) {
    const other = newest.get(row.key)
    if (other === undefined || row.version >= other.version) newest.set(row.key, row)
  }
  return newest.size === rows.length ? rows : [...newest.values()]
}
