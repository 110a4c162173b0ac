import type { Client, DseClientOptions } from 'cassandra-driver'
import type { Driver } from './driver.ts'

/** What the driver's requests are written with. Not part of its public types. */
interface DriverEncoder {
  readonly protocolVersion: number
  encode(value: unknown, type: unknown): Buffer | null | object
}

interface FrameWriter {
  add(bytes: Buffer): void
  writeBytes(bytes: Buffer | null | object): void
}

interface ExecuteRequest {
  /** What is not there may be either. */
  readonly params: readonly unknown[] | null | undefined
  writeQueryParameters(frame: FrameWriter, encoder: DriverEncoder): void
}

interface ClientInternals {
  _createExecuteRequest(...facts: unknown[]): Promise<ExecuteRequest>
}

/**
 * A client of the driver whose prepared statements encode all their values into one buffer. The driver by itself makes
 * two buffers for each value and joins them, which costs more than everything else that is done to a row. The bytes
 * that are sent are the same, which a test compares.
 */
export function createClient(driver: Driver, options: DseClientOptions): Client {
  const client = new driver.Client(options)
  const internals = client as unknown as ClientInternals
  const create = internals._createExecuteRequest
  const writer = new ValueWriter(driver)
  internals._createExecuteRequest = async (...facts) => {
    const request = await create.apply(internals, facts)
    if (request.params) writeWith(writer, request)
    return request
  }
  return client
}

/** Requests are written one after the other, each without a pause, so that one writer serves all. */
function writeWith(writer: ValueWriter, request: ExecuteRequest): void {
  const write = request.writeQueryParameters
  request.writeQueryParameters = (frame, encoder) => {
    const writeBytes = frame.writeBytes
    let left = request.params!.length
    writer.clear()
    const encode = (value: unknown, type: unknown) => {
      writer.write(value, type, encoder)
      return null
    }
    frame.writeBytes = bytes => {
      left -= 1
      if (left === 0) frame.add(writer.bytes)
      // After the values come other things.
      else if (left < 0) writeBytes.call(frame, bytes)
    }
    write.call(request, frame, { protocolVersion: encoder.protocolVersion, encode })
  }
}

const firstBytes = 64 * 1024
/** A buffer that an unusually large request needed is not kept. */
const maxKeptBytes = 1024 * 1024

const uuidBytes = 16
/** Where in a UUID's text each of its bytes stands. */
const uuidPlaces = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]
const uuidDashes = [8, 13, 18, 23]
const dash = 0x2d

/** Values as the protocol has them, each after its length. */
class ValueWriter {
  readonly #driver: Driver
  #buffer = Buffer.allocUnsafeSlow(firstBytes)
  #length = 0

  constructor(driver: Driver) {
    this.#driver = driver
  }

  clear(): void {
    if (this.#buffer.length > maxKeptBytes) this.#buffer = Buffer.allocUnsafeSlow(firstBytes)
    this.#length = 0
  }

  /** Valid until the next `clear`: the driver copies it into the request at once. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Those types that most values have; all others as the driver encodes them. */
  write(value: unknown, type: unknown, encoder: DriverEncoder): void {
    const { dataTypes, unset } = this.#driver.types
    const code = (type as { readonly code?: number } | null)?.code
    if (value === null) this.#writeLength(-1)
    else if (value === unset) this.#writeLength(-2)
    else if ((code === dataTypes.varchar || code === dataTypes.text) && typeof value === 'string')
      this.#writeText(value)
    else if (code === dataTypes.uuid && typeof value === 'string' && this.#writeUuid(value)) return
    else if (code === dataTypes.bigint && Number.isSafeInteger(value)) this.#writeLong(value as number)
    else this.#writeEncoded(encoder.encode(value, type) as Buffer)
  }

  #writeLength(length: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeInt32BE(length, this.#length)
  }

  #writeText(text: string): void {
    this.#reserve(4 + text.length * 3)
    const count = this.#buffer.write(text, this.#length + 4)
    this.#buffer.writeInt32BE(count, this.#length)
    this.#length += 4 + count
  }

  /** False, with nothing written, if it is none: the driver says what is wrong with it. */
  #writeUuid(text: string): boolean {
    if (text.length !== 36) return false
    for (const at of uuidDashes) if (text.charCodeAt(at) !== dash) return false
    this.#reserve(4 + uuidBytes)
    let at = this.#buffer.writeInt32BE(uuidBytes, this.#length)
    for (const place of uuidPlaces) {
      const high = hexDigit(text.charCodeAt(place))
      const low = hexDigit(text.charCodeAt(place + 1))
      if (high < 0 || low < 0) return false
      this.#buffer[at++] = (high << 4) | low
    }
    this.#length = at
    return true
  }

  #writeLong(number: number): void {
    this.#writeLength(8)
    this.#reserve(8)
    const high = Math.floor(number / 2 ** 32)
    this.#length = this.#buffer.writeInt32BE(high, this.#length)
    this.#length = this.#buffer.writeUInt32BE(number - high * 2 ** 32, this.#length)
  }

  #writeEncoded(bytes: Buffer): void {
    this.#writeLength(bytes.length)
    this.#reserve(bytes.length)
    this.#length += bytes.copy(this.#buffer, this.#length)
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

/** -1 for what is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
