import { isUtf8 } from 'node:buffer'
import avsc from 'avsc'
import { type AvroField, type AvroNamed, type AvroType, splitName } from '../plan/avro-schema.ts'
import { parseDecimal } from '../sdk/decimal.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'

const { LogicalType, LongType } = avsc.types

/** A schema whose values are as `TypeNode` describes them: a timestamp is a `Date`, a decimal its text, a long a number. */
export function readerType(type: AvroType): avsc.Type {
  const logicalTypes = { decimal: Decimal, finite: FiniteDouble, text: Text, 'timestamp-millis': Timestamp, uuid: Uuid }
  return forSchema(type, logicalTypes, true)
}

/** A schema in which checked values are written; text and UUIDs need nothing more. */
export function encoderType(type: AvroType): avsc.Type {
  return forSchema(type, { decimal: Decimal, finite: FiniteDouble, 'timestamp-millis': Timestamp }, true)
}

/** A schema that is only ever read through a resolver to a reader's. */
export function writerType(type: AvroType): avsc.Type {
  return forSchema(type, { decimal: Decimal, 'timestamp-micros': Microseconds, 'timestamp-nanos': Nanoseconds }, false)
}

type LogicalTypes = { [name: string]: new (schema: avsc.Schema, options?: unknown) => avsc.types.LogicalType }

function forSchema(type: AvroType, logicalTypes: LogicalTypes, reader: boolean): avsc.Type {
  const schema = new Printer(Object.keys(logicalTypes), reader).type(type)
  return avsc.Type.forSchema(schema as avsc.Schema, {
    logicalTypes,
    omitRecordMethods: true,
    typeHook: each => (each === 'long' ? long : underlyingLong(each)),
  })
}

/** Primitives that are checked further where the logical type that does it is known. */
const checked: { readonly [primitive: string]: string | undefined } = { double: 'finite', string: 'text' }

/** Avro asks to ignore a logical type on any other. */
const bases: { readonly [logicalType: string]: string | undefined } = {
  decimal: 'bytes',
  'timestamp-micros': 'long',
  'timestamp-millis': 'long',
  'timestamp-nanos': 'long',
  uuid: 'string',
}

/** Writes a schema for avsc. */
class Printer {
  readonly #logicalTypes: readonly Json[]
  readonly #reader: boolean
  readonly #defined = new Set<AvroNamed>()

  constructor(logicalTypes: readonly string[], reader: boolean) {
    this.#logicalTypes = logicalTypes
    this.#reader = reader
  }

  type(type: AvroType): Json {
    switch (type.kind) {
      case 'union':
        return type.branches.map(branch => this.type(branch))
      case 'array':
        return { type: 'array', items: this.type(type.items) }
      case 'map':
        return { type: 'map', values: this.type(type.values) }
      case 'record':
      case 'enum':
      case 'fixed':
        return this.#named(type)
      default: {
        const { logicalType = null, precision = 0, scale = 0 } = type.attributes
        if (this.#logicalTypes.includes(logicalType) && bases[String(logicalType)] === type.kind) {
          return { type: type.kind, logicalType, precision, scale }
        }
        const check = checked[type.kind]
        if (check === undefined || !this.#logicalTypes.includes(check)) return type.kind
        return { type: type.kind, logicalType: check }
      }
    }
  }

  #named(type: AvroNamed): Json {
    const name = absolute(type.name)
    if (this.#defined.has(type)) return name
    this.#defined.add(type)
    const header = { type: type.kind, name, aliases: type.aliases.map(absolute) }
    if (type.kind === 'fixed') return { ...header, size: type.size }
    if (type.kind === 'record') return { ...header, fields: type.fields.map(field => this.#field(field)) }
    return { ...header, symbols: type.symbols, ...(type.default === null ? {} : { default: type.default }) }
  }

  #field({ name, type, default: fallback, aliases }: AvroField): Json {
    // A writer's defaults are never used, and avsc checks them more strictly than registries do.
    const withDefault = this.#reader && fallback !== undefined
    return { name, type: this.type(type), aliases, ...(withDefault ? { default: fallback } : {}) }
  }
}

/** avsc's way to write a name that no enclosing namespace adds to. */
function absolute(name: string): string {
  return splitName(name).namespace === '' ? `.${name}` : name
}

/** avsc's own long stops one short of ±(2^53 − 1), and turns numbers below −2^52 into others. */
const longMethods = {
  fromBuffer: (bytes: Buffer) => {
    const value = Number(bytes.readBigInt64LE())
    if (!Number.isSafeInteger(value)) throw undecodable(`${bytes.readBigInt64LE()} is beyond ±(2^53 − 1)`)
    return value
  },
  toBuffer: (value: number) => {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeBigInt64LE(BigInt(value))
    return bytes
  },
  fromJSON: (value: number) => value,
  toJSON: (value: number) => value,
  isValid: (value: unknown) => Number.isSafeInteger(value),
  compare: (a: number, b: number) => a - b,
}

const long = LongType.__with(longMethods)

/** A long of nanoseconds as its milliseconds: times of our days in nanoseconds are beyond 2^53. */
const millisecondsOfNanos = LongType.__with({
  ...longMethods,
  fromBuffer: (bytes: Buffer) => Number(floorDivide(bytes.readBigInt64LE(), 1_000_000n)),
})

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value < quotient * by ? quotient - 1n : quotient
}

/** A type of ours on top of one of avsc's: `read` checks and converts what avsc read, `write` the reverse. */
abstract class Converted extends LogicalType {
  /** The writer's types that can be read as this one, as avsc names them. */
  abstract readonly readable: readonly string[]
  abstract read(value: unknown): unknown
  /** Undefined for what is no value of the type. */
  abstract write(value: unknown): unknown

  override _fromValue(value: unknown): unknown {
    return this.read(value)
  }

  override _toValue(value: unknown): unknown {
    return this.write(value)
  }

  override _resolve(writer: avsc.Type): ((value: unknown) => unknown) | undefined {
    if (writer.typeName === this.typeName) return this.same(writer as this) ? value => value : undefined
    return this.readable.includes(writer.typeName) ? value => this.read(value) : undefined
  }

  /** Whether values of two types of one name mean the same. */
  same(_writer: this): boolean {
    return true
  }
}

/** avsc would read a writer's bytes as text without looking whether they are any. */
class Text extends Converted {
  override readonly readable = ['string', 'bytes']

  override read(value: string | Buffer): string {
    if (typeof value === 'string') return value
    if (!isUtf8(value)) throw undecodable('a text is not valid UTF-8')
    return value.toString()
  }

  override write(value: unknown): unknown {
    return value
  }
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

class Uuid extends Converted {
  override readonly readable = ['string', 'bytes']

  override read(value: string | Buffer): string {
    const uuid = value.toString().toLowerCase()
    if (!uuidForm.test(uuid)) throw undecodable(`${JSON.stringify(uuid.slice(0, 40))} is no UUID`)
    return uuid
  }

  override write(value: unknown): unknown {
    return value
  }
}

class FiniteDouble extends Converted {
  override readonly readable = ['int', 'abstract:long', 'float', 'double']

  override read(value: number): number {
    if (!Number.isFinite(value)) throw undecodable(`${value} is no finite number`)
    return value
  }

  override write(value: unknown): unknown {
    return Number.isFinite(value) ? value : undefined
  }
}

/** On top of `long`, which avsc does not find by itself under a logical type. */
abstract class OnLong extends Converted {
  constructor(schema: avsc.Schema, options?: unknown, underlying = long) {
    super({ ...(schema as object), underlying } as unknown as avsc.Schema, options)
  }
}

function underlyingLong(schema: avsc.Schema): avsc.Type | undefined {
  return (schema as { readonly underlying?: avsc.Type }).underlying
}

class Timestamp extends OnLong {
  override readonly readable = ['int', 'abstract:long', 'logical:timestamp-micros', 'logical:timestamp-nanos']

  override read(value: number | Date): Date {
    const date = new Date(value)
    if (Number.isNaN(date.getTime())) throw undecodable(`${value} is no time in milliseconds`)
    return date
  }

  override write(value: unknown): unknown {
    return value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() : undefined
  }
}

/** Read only: a `Date` holds no microseconds. */
class Microseconds extends OnLong {
  override readonly readable = []

  override read(value: number): Date {
    return new Date(Math.floor(value / 1_000))
  }

  override write(): undefined {
    return undefined
  }
}

/** Read only, as above. */
class Nanoseconds extends OnLong {
  override readonly readable = []

  constructor(schema: avsc.Schema, options?: unknown) {
    super(schema, options, millisecondsOfNanos)
  }

  override read(milliseconds: number): Date {
    return new Date(milliseconds)
  }

  override write(): undefined {
    return undefined
  }
}

/** No decimal has more; a hostile one would take seconds to become text. */
const maxDecimalBytes = 256

class Decimal extends Converted {
  override readonly readable = ['bytes']
  readonly precision: number
  readonly scale: number

  constructor(schema: avsc.Schema, options?: unknown) {
    super(schema, options)
    const { precision, scale } = schema as unknown as { precision: number; scale: number }
    const sound = Number.isInteger(precision) && Number.isInteger(scale) && scale >= 0 && scale <= precision
    // avsc then takes the plain bytes, as Avro asks for a logical type that makes no sense.
    if (!sound || precision === 0) throw new RangeError('not a decimal')
    this.precision = precision
    this.scale = scale
  }

  override read(bytes: Buffer): string {
    const { length } = bytes
    if (length === 0 || length > maxDecimalBytes) throw undecodable(`a decimal of ${length} bytes`)
    const unscaled = BigInt.asIntN(length * 8, BigInt(`0x${bytes.toString('hex')}`))
    const digits = String(unscaled < 0n ? -unscaled : unscaled)
    if (digits.length > this.precision)
      throw undecodable(`a decimal has ${digits.length} digits, ${this.precision} at most`)
    const padded = digits.padStart(this.scale + 1, '0')
    const point = padded.length - this.scale
    const fraction = this.scale === 0 ? '' : `.${padded.slice(point)}`
    return `${unscaled < 0n ? '-' : ''}${padded.slice(0, point)}${fraction}`
  }

  override write(value: unknown): Buffer | undefined {
    const text = typeof value === 'string' ? parseDecimal(value, this.precision, this.scale) : undefined
    return text === undefined ? undefined : twosComplement(BigInt(text.replace('.', '')))
  }

  override same(writer: this): boolean {
    return writer.scale === this.scale && writer.precision <= this.precision
  }
}

/** Big-endian, in as few bytes as hold it. */
function twosComplement(value: bigint): Buffer {
  const magnitude = value < 0n ? -value - 1n : value
  // One bit more than the magnitude has, for the sign.
  const bytes = magnitude === 0n ? 1 : Math.floor(magnitude.toString(2).length / 8) + 1
  return Buffer.from(
    BigInt.asUintN(bytes * 8, value)
      .toString(16)
      .padStart(bytes * 2, '0'),
    'hex',
  )
}

function undecodable(reason: string): MillraceError {
  return new MillraceError('RECORD_UNDECODABLE', `Not what the schema says: ${reason}.`)
}
