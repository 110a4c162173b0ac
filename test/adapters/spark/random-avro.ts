import type { AvroNamed, AvroType } from '../../../src/plan/avro-schema.ts'
import type { Random } from '../../../src/ports/clock.ts'
import { varint } from '../../engine/codec-fixture.ts'

/** Draws bytes of a schema that are mostly valid and often extreme, and others that nearly are. */
export class RandomAvro {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** A record with its header. */
  frame(id: number, type: AvroType): Buffer {
    const header = Buffer.alloc(5)
    header.writeUInt32BE(id, 1)
    return Buffer.concat([header, this.value(type, 0)])
  }

  /** The same bytes with one to three faults. */
  broken(frame: Buffer): Buffer {
    let bytes = frame
    for (let left = 1 + this.whole(3); left > 0; left--) bytes = this.#breakOnce(bytes)
    return bytes
  }

  #breakOnce(bytes: Buffer): Buffer {
    // The header is broken seldom: then nothing behind it is looked at.
    const at = Math.min(bytes.length, this.chance(0.03) ? this.whole(5) : 5 + this.whole(bytes.length - 4))
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)]
    switch (this.whole(5)) {
      case 0:
        return Buffer.from(before)
      case 1:
        return Buffer.concat([before, Buffer.from([this.whole(256)]), behind])
      case 2:
        return Buffer.concat([before, this.varint(this.pick(hostileCounts)), behind])
      case 3:
        return Buffer.concat([before, behind.subarray(1)])
      default: {
        const changed = Buffer.from(bytes)
        if (at < changed.length) changed[at] = changed[at]! ^ (1 << this.whole(8))
        return changed
      }
    }
  }

  value(type: AvroType, depth: number): Buffer {
    switch (type.kind) {
      case 'null':
        return Buffer.alloc(0)
      case 'boolean':
        return Buffer.from([this.whole(2)])
      case 'int':
        return this.varint(this.pick(ints))
      case 'long':
        return this.varint(this.pick(longs))
      case 'float': {
        const bytes = Buffer.alloc(4)
        bytes.writeFloatLE(this.pick(doubles))
        return bytes
      }
      case 'double': {
        const bytes = Buffer.alloc(8)
        bytes.writeDoubleLE(this.pick(doubles))
        return bytes
      }
      case 'bytes':
      case 'string':
        return this.sized(this.#bytes(type.attributes.logicalType, type.kind))
      case 'array':
        return this.#blocks(() => this.value(type.items, depth + 1))
      case 'map':
        return this.#blocks(() => Buffer.concat([this.sized(Buffer.from('k')), this.value(type.values, depth + 1)]))
      case 'union': {
        // A recursive schema would otherwise seldom come to its end.
        const index = depth > 6 ? 0 : this.whole(type.branches.length)
        return Buffer.concat([this.varint(BigInt(index)), this.value(type.branches[index]!, depth + 1)])
      }
      default:
        return this.#named(type, depth)
    }
  }

  #named(type: AvroNamed, depth: number): Buffer {
    if (type.kind === 'fixed') return Buffer.alloc(type.size, this.whole(256))
    if (type.kind === 'enum') return this.varint(BigInt(this.whole(type.symbols.length)))
    return Buffer.concat(type.fields.map(field => this.value(field.type, depth + 1)))
  }

  #bytes(logicalType: unknown, kind: string): Buffer {
    if (logicalType === 'decimal') return Buffer.from(this.pick(decimals), 'hex')
    if (logicalType === 'uuid' || this.chance(0.2)) return Buffer.from(this.pick(uuids))
    return kind === 'string' && this.chance(0.97)
      ? Buffer.from(this.pick(texts))
      : Buffer.from(this.pick(wrongTexts), 'hex')
  }

  /** One or two blocks, each with its size or without. */
  #blocks(item: () => Buffer): Buffer {
    const parts: Buffer[] = []
    for (let blocks = this.whole(3); blocks > 0; blocks--) {
      const items = Array.from({ length: 1 + this.whole(2) }, item)
      const bytes = Buffer.concat(items)
      if (this.chance(0.5)) parts.push(this.varint(BigInt(items.length)), bytes)
      else parts.push(this.varint(BigInt(-items.length)), this.varint(BigInt(bytes.length)), bytes)
    }
    return Buffer.concat([...parts, this.varint(0n)])
  }

  sized(bytes: Buffer): Buffer {
    return Buffer.concat([this.varint(BigInt(bytes.length)), bytes])
  }

  /** Sometimes with more bytes than it needs, which Avro allows. */
  varint(value: bigint): Buffer {
    const bytes = varint(value)
    if (bytes.length < 10 && this.chance(0.02)) {
      bytes[bytes.length - 1]! |= 0x80
      bytes.push(0)
    }
    return Buffer.from(bytes)
  }

  pick<T>(of: readonly T[]): T {
    return of[this.whole(of.length)]!
  }

  /** From 0 to below the limit. */
  whole(limit: number): number {
    return Math.floor(this.#random.next() * limit)
  }

  chance(of: number): boolean {
    return this.#random.next() < of
  }
}

const ints = [0n, 1n, -1n, 63n, 64n, -65n, 8_191n, 2n ** 31n - 1n, -(2n ** 31n), 1_700_000_000n]
const safe = 2n ** 53n - 1n
const times = [8_640_000_000_000_000n, 8_640_000_000_000_001n, -8_640_000_000_000_001n, 253_402_300_800_000n]
const longs = [
  ...[...ints, safe, -safe, safe + 1n, -safe - 1n, 2n ** 52n, -(2n ** 52n) - 1n, ...times],
  ...[-62_167_219_200_001n, 1_700_000_000_123_456n, -1n, -999n, -1_001n, 2n ** 63n - 1n, -(2n ** 63n)],
]
const hostileCounts = [2n ** 31n, -(2n ** 31n), 1_000_000_000n, 10_001n, 2n ** 62n, -(2n ** 63n), 2n ** 63n - 1n]
const doubles = [
  ...[0, -0, 1, -1.5, 0.1, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 123_456_789.125, 2 ** 53],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
]
const texts = ['', 'a', 'Zoë', '\u{1f600} é', 'e\u0301', '\ufeff\u00a0', 'nul\u0000', '\ud7ff\ue000\u{10ffff}', '"\\']
/** Bytes that are no text: cut off, longer than needed, surrogates, beyond Unicode. */
const wrongTexts = [
  'ff',
  'c3',
  'c328',
  'eda080',
  'c080',
  'e08080',
  'f4908080',
  'f0808080',
  'f09f98',
  '61e282',
  '6162c3a9',
]
const uuids = [
  ...['0190a5f0-7c1e-7b3a-9f00-0123456789ab', '0190A5F0-7C1E-7B3A-9F00-0123456789AB'],
  ...['0190a5f07c1e7b3a9f000123456789ab', '{0190a5f0-7c1e-7b3a-9f00-0123456789ab}', 'not a uuid'],
  ...['0190a5f0-7c1e-7b3a-9f00-0123456789ag', ' 190a5f0-7c1e-7b3a-9f00-0123456789ab', '"\t\\\u0001'],
  ...['ÄÖÜ-7c1e-7b3a-9f00-0123456789ab', 'a surrogate pair at the cut of forty 12\u{1f600}'],
]
const decimals = [
  ...['00', '01', 'ff', '80', '7f', '03e7', '03e8', 'fc19', 'fc18', '0001', 'ffff', '', '000000000000000000000000'],
  ...['0bebc200', '4b3b4ca85a86c47a098a224000000000', '7fffffffffffffffffffffffffffffff', '01'.repeat(257)],
]
