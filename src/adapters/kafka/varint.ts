/** Signed numbers as record batches have them: zigzag, seven bits a byte, least significant first. */

export function varintBytes(value: number): number {
  let rest = zigzag(value)
  let bytes = 1
  while (rest >= 0x80) {
    rest >>>= 7
    bytes++
  }
  return bytes
}

/** Returns the position after it. @param value a whole number of 32 bits */
export function writeVarint(target: Uint8Array, position: number, value: number): number {
  let rest = zigzag(value)
  while (rest >= 0x80) {
    target[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[position++] = rest
  return position
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}

/** Reads one number after the other. */
export class VarintReader {
  readonly bytes: Uint8Array
  position: number

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes
    this.position = position
  }

  /** Exact up to 53 bits. @throws RangeError beyond the end, or if it is no number of 64 bits. */
  read(): number {
    const first = this.bytes[this.position]
    if (first !== undefined && first < 0x80) {
      this.position++
      return (first >>> 1) ^ -(first & 1)
    }
    let value = 0
    let factor = 1
    for (let count = 0; count < 10; count++) {
      const byte = this.bytes[this.position++]
      if (byte === undefined) throw new RangeError('A number goes beyond the end.')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      factor *= 128
    }
    throw new RangeError('A number has more than ten bytes.')
  }
}
