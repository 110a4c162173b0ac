import type { Table } from './flatbuffer.ts'
import { malformed } from './malformed.ts'

/** A column's type as Arrow has it, as far as Spark sends it. */
export type ArrowType =
  | { readonly kind: 'null' | 'boolean' | 'text' | 'binary' | 'date' | 'list' | 'struct' | 'map' }
  | { readonly kind: 'int'; readonly bits: 8 | 16 | 32 | 64 }
  | { readonly kind: 'float'; readonly bits: 32 | 64 }
  | { readonly kind: 'decimal'; readonly scale: number }
  /** Microseconds; `utc` where a time zone was given. */
  | { readonly kind: 'timestamp'; readonly utc: boolean }
  /** Nanoseconds since midnight. */
  | { readonly kind: 'time' }
  | { readonly kind: 'months' }
  /** Microseconds. */
  | { readonly kind: 'duration' }
  | { readonly kind: 'interval' }

export interface ArrowField {
  readonly name: string
  readonly type: ArrowType
  readonly children: readonly ArrowField[]
}

/** @throws MillraceError `PROCESSOR_FAILED` for a type that Spark does not send. */
export function readField(field: Table): ArrowField {
  return {
    name: field.text(0) ?? '',
    type: readType(field.int8(2), field.table(3)),
    children: field.tables(5).map(readField),
  }
}

const microsecond = 2
const nanosecond = 3

/** @param number as in the union Type of Arrow's Schema.fbs */
function readType(number: number, type: Table | null): ArrowType {
  if (type === null) throw malformed('a column has no type')
  switch (number) {
    case 1:
      return { kind: 'null' }
    case 2:
      return { kind: 'int', bits: oneOf([8, 16, 32, 64] as const, type.int32(0)) }
    case 3:
      // Half, single, double.
      return { kind: 'float', bits: oneOf([32, 64] as const, 16 * 2 ** type.int16(0)) }
    case 4:
      return { kind: 'binary' }
    case 5:
      return { kind: 'text' }
    case 6:
      return { kind: 'boolean' }
    case 7:
      oneOf([128] as const, type.int32(2, 128))
      return { kind: 'decimal', scale: type.int32(1) }
    case 8:
      // Days.
      oneOf([0] as const, type.int16(0, 1))
      return { kind: 'date' }
    case 9:
      oneOf([nanosecond] as const, type.int16(0, 1))
      return { kind: 'time' }
    case 10:
      oneOf([microsecond] as const, type.int16(0))
      return { kind: 'timestamp', utc: type.text(1) !== null }
    case 11:
      // Months; or months, days and nanoseconds.
      return { kind: oneOf([0, 2] as const, type.int16(0)) === 0 ? 'months' : 'interval' }
    case 12:
      return { kind: 'list' }
    case 13:
      return { kind: 'struct' }
    case 17:
      return { kind: 'map' }
    case 18:
      oneOf([microsecond] as const, type.int16(0, 1))
      return { kind: 'duration' }
    default:
      throw malformed(`a column has type ${number} of Arrow`)
  }
}

function oneOf<T extends number>(known: readonly T[], value: number): T {
  const found = known.find(each => each === value)
  if (found === undefined) throw malformed(`a column has a type with ${value} where ${known.join(' or ')} was expected`)
  return found
}
