import { MillraceError } from '../../sdk/errors.ts'

/**
 * What members of a group tell its leader and are told by it, in Kafka's own format (ConsumerProtocolSubscription and
 * ConsumerProtocolAssignment, version 1), so that other tools can show a group. What is our own is in the user data.
 */

export interface MemberSubscription {
  readonly topic: string
  /** What it is called in lists. */
  readonly member: string
  /** The partitions it has, and still drains, each with its epoch. */
  readonly owned: ReadonlyMap<number, number>
  /** The highest epoch it has heard of. */
  readonly highestEpoch: number
}

export interface MemberAssignment {
  readonly topic: string
  readonly partitions: readonly number[]
  /** Of those partitions that the member did not have before. */
  readonly epoch: number
}

const version = 1

export function encodeSubscription({ topic, member, owned, highestEpoch }: MemberSubscription): Buffer {
  const userData = JSON.stringify({ member, highestEpoch, owned: [...owned] })
  return new ProtocolWriter()
    .int16(version)
    .int32(1)
    .string(topic)
    .bytes(Buffer.from(userData))
    .int32(owned.size === 0 ? 0 : 1)
    .assignments(topic, [...owned.keys()])
    .finish()
}

/** @throws MillraceError `CONFIG_INVALID` if another program's member wrote it. */
export function decodeSubscription(bytes: Buffer): MemberSubscription {
  const reader = new ProtocolReader(bytes)
  reader.int16()
  reader.int32()
  const topic = reader.string()
  const { member, highestEpoch, owned } = reader.json() as {
    member: string
    highestEpoch: number
    owned: [number, number][]
  }
  return { topic, member, highestEpoch, owned: new Map(owned) }
}

export function encodeAssignment({ topic, partitions, epoch }: MemberAssignment): Buffer {
  return new ProtocolWriter()
    .int16(version)
    .int32(partitions.length === 0 ? 0 : 1)
    .assignments(topic, partitions)
    .bytes(Buffer.from(JSON.stringify({ epoch })))
    .finish()
}

/**
 * Null if the brokers wrote it, who leave out what is our own: the group is of the newer protocol.
 * @throws MillraceError `CONFIG_INVALID` if another program's leader wrote it.
 */
export function decodeAssignment(bytes: Buffer): MemberAssignment | null {
  const reader = new ProtocolReader(bytes)
  reader.int16()
  let topic = ''
  const partitions: number[] = []
  for (let topics = reader.int32(); topics > 0; topics--) {
    topic = reader.string()
    for (let count = reader.int32(); count > 0; count--) partitions.push(reader.int32())
  }
  if (reader.left <= 4) return null
  const { epoch } = reader.json() as { epoch: number }
  return { topic, partitions, epoch }
}

class ProtocolWriter {
  readonly #parts: Buffer[] = []

  int16(value: number): this {
    const part = Buffer.alloc(2)
    part.writeInt16BE(value)
    return this.#add(part)
  }

  int32(value: number): this {
    const part = Buffer.alloc(4)
    part.writeInt32BE(value)
    return this.#add(part)
  }

  string(value: string): this {
    const bytes = Buffer.from(value)
    return this.int16(bytes.length).#add(bytes)
  }

  bytes(value: Buffer): this {
    return this.int32(value.length).#add(value)
  }

  /** The partitions of one topic; nothing where there are none. */
  assignments(topic: string, partitions: readonly number[]): this {
    if (partitions.length === 0) return this
    this.string(topic).int32(partitions.length)
    for (const partition of partitions) this.int32(partition)
    return this
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #add(part: Buffer): this {
    this.#parts.push(part)
    return this
  }
}

class ProtocolReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Bytes. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  int16(): number {
    this.#at += 2
    return this.#guarded(() => this.#bytes.readInt16BE(this.#at - 2))
  }

  int32(): number {
    this.#at += 4
    return this.#guarded(() => this.#bytes.readInt32BE(this.#at - 4))
  }

  string(): string {
    return this.#take(this.int16()).toString()
  }

  json(): unknown {
    const bytes = this.#take(this.int32())
    return this.#guarded(() => JSON.parse(bytes.toString()))
  }

  #take(length: number): Buffer {
    const start = this.#at
    this.#at += Math.max(0, length)
    return this.#bytes.subarray(start, this.#at)
  }

  #guarded<T>(read: () => T): T {
    try {
      return read()
    } catch (cause) {
      throw new MillraceError('CONFIG_INVALID', 'A member of another program is in the consumer group.', {
        fix: 'Give the stage a group of its own.',
        cause,
      })
    }
  }
}
