/**
 * A table in a FlatBuffer: fields by number, found through a list of offsets (the vtable) before or after it. Reading beyond the
 * bytes throws a RangeError.
 */
export class Table {
  readonly #bytes: DataView
  readonly #at: number
  readonly #fields: number

  constructor(bytes: DataView, at: number) {
    this.#bytes = bytes
    this.#at = at
    this.#fields = at - bytes.getInt32(at, true)
  }

  /** The table that the bytes begin with. */
  static root(bytes: DataView): Table {
    return new Table(bytes, bytes.getUint32(0, true))
  }

  /** Where the field's value is; null if it is not there, which stands for its default. */
  #position(field: number): number | null {
    const entry = 4 + field * 2
    if (entry >= this.#bytes.getUint16(this.#fields, true)) return null
    const offset = this.#bytes.getUint16(this.#fields + entry, true)
    return offset === 0 ? null : this.#at + offset
  }

  #target(field: number): number | null {
    const position = this.#position(field)
    return position === null ? null : position + this.#bytes.getUint32(position, true)
  }

  int8(field: number): number {
    const position = this.#position(field)
    return position === null ? 0 : this.#bytes.getInt8(position)
  }

  int16(field: number, standard = 0): number {
    const position = this.#position(field)
    return position === null ? standard : this.#bytes.getInt16(position, true)
  }

  int32(field: number, standard = 0): number {
    const position = this.#position(field)
    return position === null ? standard : this.#bytes.getInt32(position, true)
  }

  int64(field: number): number {
    const position = this.#position(field)
    return position === null ? 0 : Number(this.#bytes.getBigInt64(position, true))
  }

  text(field: number): string | null {
    const at = this.#target(field)
    if (at === null) return null
    const { buffer, byteOffset } = this.#bytes
    return Buffer.from(buffer, byteOffset + at + 4, this.#bytes.getUint32(at, true)).toString('utf8')
  }

  table(field: number): Table | null {
    const at = this.#target(field)
    return at === null ? null : new Table(this.#bytes, at)
  }

  tables(field: number): readonly Table[] {
    const at = this.#target(field)
    if (at === null) return []
    return Array.from({ length: this.#bytes.getUint32(at, true) }, (_, i) => {
      const entry = at + 4 + i * 4
      return new Table(this.#bytes, entry + this.#bytes.getUint32(entry, true))
    })
  }

  /** A list of structs of two 64-bit numbers each. */
  pairs(field: number): readonly (readonly [number, number])[] {
    const at = this.#target(field)
    if (at === null) return []
    return Array.from({ length: this.#bytes.getUint32(at, true) }, (_, i) => {
      const entry = at + 4 + i * 16
      return [Number(this.#bytes.getBigInt64(entry, true)), Number(this.#bytes.getBigInt64(entry + 8, true))]
    })
  }
}
