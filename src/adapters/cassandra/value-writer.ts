const uuidBytes = 16
/** Where in a UUID's text each of its bytes stands. */
const uuidPlaces = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]
const uuidDashes = [8, 13, 18, 23]
const dash = 0x2d

/** Values as the protocol has them, each after its length, one behind the other in one buffer that grows as needed. */
export class ValueWriter {
  /** Of what is written. May be set back, to where a value began. */
  length = 0
  #buffer: Buffer
  #view: DataView

  /** @param capacity bytes to begin with */
  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity)
    this.#view = viewOf(this.#buffer)
  }

  /** What is written, not copied. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  writeNull(): void {
    this.#writeLength(-1)
  }

  /** Leaves the column as it is. */
  writeUnset(): void {
    this.#writeLength(-2)
  }

  writeText(text: string): void {
    this.#reserve(4 + text.length * 3)
    const count = this.#buffer.write(text, this.length + 4)
    this.#view.setInt32(this.length, count)
    this.length += 4 + count
  }

  /** False, with nothing written, if it is none. */
  writeUuid(text: string): boolean {
    if (text.length !== 36) return false
    for (const at of uuidDashes) if (text.charCodeAt(at) !== dash) return false
    this.#reserve(4 + uuidBytes)
    const start = this.length + 4
    for (let index = 0; index < uuidBytes; index++) {
      const place = uuidPlaces[index]!
      const byte = (hexDigit(text.charCodeAt(place)) << 4) | hexDigit(text.charCodeAt(place + 1))
      if (byte < 0) return false
      this.#buffer[start + index] = byte
    }
    this.#writeLength(uuidBytes)
    this.length += uuidBytes
    return true
  }

  writeBoolean(value: boolean): void {
    this.#writeLength(1)
    this.#buffer[this.length++] = value ? 1 : 0
  }

  writeInt(value: number): void {
    this.#writeLength(4)
    this.#view.setInt32(this.length, value)
    this.length += 4
  }

  /** @param value a whole number within ±(2^53 − 1) */
  writeLong(value: number): void {
    this.#writeLength(8)
    const high = Math.floor(value / 2 ** 32)
    this.#view.setInt32(this.length, high)
    this.#view.setUint32(this.length + 4, value - high * 2 ** 32)
    this.length += 8
  }

  writeDouble(value: number): void {
    this.#writeLength(8)
    this.#view.setFloat64(this.length, value)
    this.length += 8
  }

  /** @param text digits, perhaps with a sign before and a point between them */
  writeDecimal(text: string): void {
    const point = text.indexOf('.')
    const unscaled = BigInt(text.replace('.', ''))
    // One bit more than the magnitude has, for the sign.
    const magnitude = unscaled < 0n ? -unscaled - 1n : unscaled
    const count = magnitude === 0n ? 1 : Math.floor(magnitude.toString(2).length / 8) + 1
    const digits = BigInt.asUintN(count * 8, unscaled).toString(16)
    this.#writeLength(4 + count)
    this.#reserve(4 + count)
    this.#view.setInt32(this.length, point === -1 ? 0 : text.length - point - 1)
    this.#buffer.write(digits.padStart(count * 2, '0'), this.length + 4, 'hex')
    this.length += 4 + count
  }

  /** And keeps room for any value of a fixed size behind it. */
  #writeLength(length: number): void {
    this.#reserve(4 + uuidBytes)
    this.#view.setInt32(this.length, length)
    this.length += 4
  }

  #reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.length)
    this.#buffer = larger
    this.#view = viewOf(larger)
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** Negative for what is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
