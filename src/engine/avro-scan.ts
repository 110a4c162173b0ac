import { isUtf8 } from 'node:buffer'
import type { AvroNamed, AvroType } from '../plan/avro-schema.ts'
import { MillraceError } from '../sdk/errors.ts'

/**
 * Checks that bytes from `start` to their end are one value of the writer's schema, in full. avsc trusts its input:
 * it loops as often as a hostile count says, turns invalid UTF-8 into U+FFFD and reads any byte as a boolean.
 * What passed here it reads exactly, within memory bounded by the record's size.
 * @throws MillraceError `RECORD_UNDECODABLE`
 */
export type Scan = (bytes: Buffer, start: number) => void

/** Levels of records inside records; only a recursive schema gets this deep. */
const maxDepth = 500
/** Items without any bytes, over all arrays of a record: their number is bounded by nothing else. */
const maxEmptyItems = 10_000

export function compileScan(type: AvroType): Scan {
  const value = new Compiler().value(type)
  return (bytes, start) => {
    const cursor = new Cursor(bytes, start)
    value(cursor)
    const rest = bytes.length - cursor.at
    if (rest > 0) throw cursor.fault(`${rest} bytes follow the record`)
  }
}

type ScanValue = (cursor: Cursor) => void

class Cursor {
  readonly bytes: Buffer
  at: number
  depth = 0
  emptyItems = 0
  /** The innermost field begun last, for the message. */
  field = ''

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes
    this.at = at
  }

  fault(reason: string): MillraceError {
    const field = this.field === '' ? '' : ` in field ${this.field}`
    return new MillraceError('RECORD_UNDECODABLE', `Not what the schema says${field}: ${reason}, at byte ${this.at}.`)
  }

  skip(count: number): void {
    const left = this.bytes.length - this.at
    if (count > left) throw this.fault(`${count} bytes are announced and ${left} are left`)
    this.at += count
  }

  /** Exact within ±2^52; beyond that only good for comparing. */
  varint(): number {
    const { bytes, at: start } = this
    const first = bytes[start]
    if (first !== undefined && first < 0x80) {
      this.at += 1
      return (first >>> 1) ^ -(first & 1)
    }
    let value = 0
    let factor = 1
    for (let length = 0; length < 10; length++) {
      const byte = bytes[start + length]
      if (byte === undefined) throw this.fault('a number is cut off')
      if (length === 9 && byte > 1) break
      value += (byte & 0x7f) * factor
      factor *= 128
      if (byte < 0x80) {
        this.at = start + length + 1
        // The sign is the lowest bit, which a value beyond 2^53 has lost.
        return (bytes[start]! & 1) === 0 ? value / 2 : -(value + 1) / 2
      }
    }
    throw this.fault('a number has more than 64 bits')
  }

  length(): number {
    const length = this.varint()
    if (length < 0) throw this.fault(`${length} bytes are announced`)
    return length
  }
}

/** Turns each type into a function once; a named type only once, so that recursive schemas come to an end. */
class Compiler {
  readonly #named = new Map<AvroNamed, ScanValue>()

  value(type: AvroType): ScanValue {
    switch (type.kind) {
      case 'null':
        return () => {}
      case 'boolean':
        return scanBoolean
      case 'int':
        return scanInt
      case 'long':
        return cursor => cursor.varint()
      case 'float':
        return cursor => cursor.skip(4)
      case 'double':
        return cursor => cursor.skip(8)
      case 'bytes':
        return cursor => cursor.skip(cursor.length())
      case 'string':
        return scanText
      case 'array':
        return scanBlocks(this.value(type.items), canBeEmpty(type.items))
      case 'map': {
        const value = this.value(type.values)
        const entry = (cursor: Cursor) => {
          scanText(cursor)
          value(cursor)
        }
        return scanBlocks(entry, false)
      }
      case 'union':
        return scanUnion(type.branches.map(branch => this.value(branch)))
      default:
        return this.#once(type)
    }
  }

  #once(type: AvroNamed): ScanValue {
    const known = this.#named.get(type)
    if (known !== undefined) return known
    let scan: ScanValue | undefined
    this.#named.set(type, cursor => scan!(cursor))
    scan = this.#compile(type)
    this.#named.set(type, scan)
    return scan
  }

  #compile(type: AvroNamed): ScanValue {
    if (type.kind === 'fixed') return cursor => cursor.skip(type.size)
    if (type.kind === 'enum') {
      const count = type.symbols.length
      return cursor => {
        const index = cursor.varint()
        if (index < 0 || index >= count) throw cursor.fault(`${type.name} has no symbol number ${index}`)
      }
    }
    const fields = type.fields.map(field => ({ name: field.name, scan: this.value(field.type) }))
    return cursor => {
      cursor.depth += 1
      if (cursor.depth > maxDepth) throw cursor.fault(`records are nested more than ${maxDepth} deep`)
      for (const field of fields) {
        cursor.field = field.name
        field.scan(cursor)
      }
      cursor.depth -= 1
    }
  }
}

function scanBoolean(cursor: Cursor): void {
  const byte = cursor.bytes[cursor.at]
  if (byte === undefined) throw cursor.fault('a boolean is cut off')
  if (byte > 1) throw cursor.fault(`${byte} is no boolean`)
  cursor.at += 1
}

function scanInt(cursor: Cursor): void {
  const value = cursor.varint()
  if (value !== (value | 0)) throw cursor.fault('a whole number of 32 bits has more')
}

function scanText(cursor: Cursor): void {
  const length = cursor.length()
  const { bytes } = cursor
  let at = cursor.at
  cursor.skip(length)
  const end = cursor.at
  while (at < end && bytes[at]! < 0x80) at += 1
  if (at < end && !isUtf8(bytes.subarray(at, end))) throw cursor.fault('a text is not valid UTF-8')
}

function scanUnion(branches: readonly ScanValue[]): ScanValue {
  return cursor => {
    const index = cursor.varint()
    const branch = branches[index]
    if (branch === undefined) throw cursor.fault(`the union has no branch number ${index}`)
    branch(cursor)
  }
}

/** Arrays and maps: blocks of items, each after its count; a negative count has the block's size behind it. */
function scanBlocks(item: ScanValue, emptyItems: boolean): ScanValue {
  return cursor => {
    for (let count = cursor.varint(); count !== 0; count = cursor.varint()) {
      let end = -1
      if (count < 0) {
        count = -count
        const size = cursor.length()
        end = cursor.at + size
      }
      if (emptyItems) {
        cursor.emptyItems += count
        if (cursor.emptyItems > maxEmptyItems) throw cursor.fault(`it has more than ${maxEmptyItems} empty items`)
      } else if (count > cursor.bytes.length - cursor.at) {
        throw cursor.fault(`${count} items are announced and ${cursor.bytes.length - cursor.at} bytes are left`)
      }
      for (let index = 0; index < count; index++) item(cursor)
      if (end !== -1 && cursor.at !== end) throw cursor.fault('a block has another size than announced')
    }
  }
}

function canBeEmpty(type: AvroType): boolean {
  if (type.kind === 'fixed') return type.size === 0
  if (type.kind === 'record') return type.fields.every(field => canBeEmpty(field.type))
  return type.kind === 'null'
}
