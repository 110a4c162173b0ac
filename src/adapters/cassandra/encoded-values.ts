import type { Client, DseClientOptions } from 'cassandra-driver'
import type { Driver } from './driver.ts'

/** All values of a statement in the bytes of the protocol; `Client.execute` takes them in place of an array. */
export class EncodedValues {
  readonly count: number
  #pieces: readonly Buffer[]

  /** @param pieces one behind the other `count` values, each after its length */
  constructor(count: number, pieces: readonly Buffer[]) {
    this.count = count
    this.#pieces = pieces
  }

  get pieces(): readonly Buffer[] {
    return this.#pieces
  }

  /** Lets go of the bytes once the statement is answered: the driver's requests stay in memory for long after that. */
  release(): void {
    this.#pieces = []
  }
}

/** What the driver's requests are written with. Not part of its public types. */
interface FrameWriter {
  add(bytes: Buffer): void
  writeBytes(bytes: Buffer | null | object): void
}

interface ExecuteRequest {
  writeQueryParameters(frame: FrameWriter, encoder: { readonly protocolVersion: number }): void
}

interface ClientInternals {
  _createExecuteRequest(
    statement: string,
    id: Buffer,
    options: object,
    values: unknown,
    meta: object,
  ): Promise<ExecuteRequest>
}

/**
 * A client of the driver whose prepared statements take `EncodedValues` too. The driver by itself makes two buffers for
 * each value and joins them, which costs more than everything else that is done to a row. The bytes that are sent are the
 * same, which a test compares.
 */
export function createClient(driver: Driver, options: DseClientOptions): Client {
  const client = new driver.Client(options)
  const internals = client as unknown as ClientInternals
  const create = internals._createExecuteRequest
  /** What the driver counts instead of the values, by their number. */
  const blanks = new Map<number, readonly null[]>()
  const blanksOf = (count: number) => {
    const known = blanks.get(count) ?? new Array<null>(count).fill(null)
    blanks.set(count, known)
    return known
  }
  internals._createExecuteRequest = async (statement, id, info, values, meta) => {
    if (!(values instanceof EncodedValues)) return create.call(internals, statement, id, info, values, meta)
    const request = await create.call(internals, statement, id, info, blanksOf(values.count), meta)
    writeWith(values, request)
    return request
  }
  return client
}

function writeWith(values: EncodedValues, request: ExecuteRequest): void {
  const write = request.writeQueryParameters
  request.writeQueryParameters = (frame, { protocolVersion }) => {
    const writeBytes = frame.writeBytes
    let left = values.count
    frame.writeBytes = bytes => {
      left -= 1
      if (left === 0) for (const piece of values.pieces) frame.add(piece)
      // After the values come other things.
      else if (left < 0) writeBytes.call(frame, bytes)
    }
    const encoder = { protocolVersion, encode: () => null }
    write.call(request, frame, encoder)
  }
}
