import type { ArrowField, ArrowType } from './fields.ts'
import { malformed } from './malformed.ts'
import { type CalendarInterval, formatDate, formatDecimal, formatTime, formatTimestamp } from './values.ts'

/**
 * A value as it was in Spark, exact in every case:
 *
 * | Spark | here |
 * |---|---|
 * | boolean, string | boolean, string |
 * | tinyint, smallint, int, float, double | number |
 * | bigint | bigint |
 * | decimal | text with all its digits, `12.50` |
 * | binary | Uint8Array |
 * | date, time | text, `2026-03-01`, `10:00:00.000000` |
 * | timestamp, timestamp_ntz | text with microseconds, `2026-03-01T10:00:00.000000Z`; without the Z if it has no zone |
 * | interval year to month, day to second | number of months, bigint of microseconds |
 * | interval | CalendarInterval |
 * | array, map, struct | array, Map, object |
 * | variant | object of two Uint8Arrays, `value` and `metadata` |
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | CalendarInterval
  | readonly Value[]
  | ReadonlyMap<Value, Value>
  | { readonly [field: string]: Value }

/** Gives out the parts of a record batch in the order in which columns take them. */
export class Parts {
  readonly #nodes: Iterator<readonly [number, number]>
  readonly #buffers: Iterator<readonly [number, number]>
  readonly #body: DataView

  constructor(
    nodes: readonly (readonly [number, number])[],
    buffers: readonly (readonly [number, number])[],
    body: DataView,
  ) {
    this.#nodes = nodes.values()
    this.#buffers = buffers.values()
    this.#body = body
  }

  /** How many values the next column has, and how many of them are null. */
  node(): readonly [number, number] {
    const { value, done } = this.#nodes.next()
    if (done) throw malformed('it has fewer columns than its schema')
    return value
  }

  buffer(): DataView {
    const { value, done } = this.#buffers.next()
    if (done) throw malformed('it has fewer buffers than its columns need')
    const [offset, length] = value
    return new DataView(this.#body.buffer, this.#body.byteOffset + offset, length)
  }
}

/** The value in a row; rows are counted from 0. */
export type Column = (row: number) => Value

/** Takes a column's parts. Values are made when they are asked for. */
export function readColumn(field: ArrowField, parts: Parts): Column {
  const [, nulls] = parts.node()
  if (field.type.kind === 'null') return () => null
  const validity = parts.buffer()
  const read = readValues(field, parts)
  if (nulls === 0) return read
  return row => (bit(validity, row) ? read(row) : null)
}

function bit(bits: DataView, at: number): boolean {
  return ((bits.getUint8(at >> 3) >> (at & 7)) & 1) === 1
}

function readValues({ type, children }: ArrowField, parts: Parts): Column {
  switch (type.kind) {
    case 'null':
      return () => null
    case 'list': {
      const offsets = parts.buffer()
      const item = readColumn(only(children), parts)
      return row => range(offsets, row, item)
    }
    case 'map': {
      const offsets = parts.buffer()
      const entries = only(children)
      parts.node()
      // Of the entries, which are never null.
      parts.buffer()
      const [key, value] = entries.children.map(child => readColumn(child, parts))
      if (key === undefined || value === undefined) throw malformed('a map has no keys or no values')
      return row => new Map(range(offsets, row, at => [key(at), value(at)] as const))
    }
    case 'struct': {
      const names = children.map(({ name }) => name)
      const fields = children.map(child => readColumn(child, parts))
      return row => Object.fromEntries(fields.map((read, i) => [names[i]!, read(row)]))
    }
    case 'text': {
      const [offsets, data] = [parts.buffer(), parts.buffer()]
      return row => slice(offsets, data, row).toString('utf8')
    }
    case 'binary': {
      const [offsets, data] = [parts.buffer(), parts.buffer()]
      return row => new Uint8Array(slice(offsets, data, row))
    }
    default:
      return readFixed(type, parts.buffer())
  }
}

/** Values of one width, beside each other. */
function readFixed(type: ArrowType, data: DataView): Column {
  switch (type.kind) {
    case 'boolean':
      return row => bit(data, row)
    case 'int':
      switch (type.bits) {
        case 8:
          return row => data.getInt8(row)
        case 16:
          return row => data.getInt16(row * 2, true)
        case 32:
          return row => data.getInt32(row * 4, true)
        case 64:
          return row => data.getBigInt64(row * 8, true)
      }
      break
    case 'float':
      return type.bits === 32 ? row => data.getFloat32(row * 4, true) : row => data.getFloat64(row * 8, true)
    case 'decimal':
      return row => formatDecimal(int128(data, row * 16), type.scale)
    case 'date':
      return row => formatDate(data.getInt32(row * 4, true))
    case 'time':
      return row => formatTime(data.getBigInt64(row * 8, true))
    case 'timestamp': {
      const zone = type.utc ? 'Z' : ''
      return row => formatTimestamp(data.getBigInt64(row * 8, true)) + zone
    }
    case 'months':
      return row => data.getInt32(row * 4, true)
    case 'duration':
      return row => data.getBigInt64(row * 8, true)
    case 'interval':
      return row => ({
        months: data.getInt32(row * 16, true),
        days: data.getInt32(row * 16 + 4, true),
        nanoseconds: data.getBigInt64(row * 16 + 8, true),
      })
  }
  throw malformed(`a column of type ${type.kind} has no values`)
}

function int128(data: DataView, at: number): bigint {
  return (data.getBigInt64(at + 8, true) << 64n) | data.getBigUint64(at, true)
}

function range<T>(offsets: DataView, row: number, item: (at: number) => T): readonly T[] {
  const from = offsets.getInt32(row * 4, true)
  return Array.from({ length: offsets.getInt32(row * 4 + 4, true) - from }, (_, i) => item(from + i))
}

function slice(offsets: DataView, data: DataView, row: number): Buffer {
  const from = offsets.getInt32(row * 4, true)
  const to = offsets.getInt32(row * 4 + 4, true)
  if (from < 0 || to < from || to > data.byteLength) throw malformed('a value lies outside of its column')
  return Buffer.from(data.buffer, data.byteOffset + from, to - from)
}

function only(children: readonly ArrowField[]): ArrowField {
  const [child] = children
  if (child === undefined) throw malformed('a list has no type of its items')
  return child
}
