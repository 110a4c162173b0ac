import type avsc from 'avsc'
import { type AvroType, parseAvro } from '../plan/avro-schema.ts'
import type { SchemaRegistry } from '../ports/schema-registry.ts'
import { unreadable, writerSchema } from '../ports/writer-schema.ts'
import { asMillraceError, MillraceError } from '../sdk/errors.ts'
import type { Json } from '../sdk/json.ts'
import type { RecordNode } from '../sdk/nodes.ts'
import { compileScan, type Scan } from './avro-scan.ts'
import { encoderType, readerType, writerType } from './avro-types.ts'

/** What a topic's records look like: the declared type, and the same as an Avro schema. */
export interface CodecOptions {
  readonly node: RecordNode
  readonly avro: Json
}

export type DecodedRecord = { readonly [field: string]: unknown }

/** Records to Confluent's wire format: a zero byte, the schema id in four bytes, the record in Avro binary. */
export interface Encoder {
  /** @throws MillraceError `RECORD_INVALID` for a record that is not of the encoder's type. */
  encode(record: DecodedRecord): Buffer
}

/** Confluent's wire format to records, in whichever schema each was written. */
export interface Decoder {
  /**
   * Makes the schemas of these records known, so that decoding them needs not wait. A schema that the registry does
   * not have, or that cannot be read as the topic's type, shows when its records are decoded.
   * @throws MillraceError whatever the registry throws when it cannot answer; try again later.
   */
  prepare(records: Iterable<{ readonly value: Uint8Array | null }>): Promise<void>
  /** @throws MillraceError `RECORD_UNDECODABLE` */
  decode(value: Uint8Array): DecodedRecord
}

const headerBytes = 5
/** Encoded records share slabs of this size, so that each costs one copy and no allocation of its own. */
const slabBytes = 65_536

export function createEncoder(options: CodecOptions & { readonly schemaId: number }): Encoder {
  const { node, avro, schemaId } = options
  const type = encoderType(parseAvro(avro).type)
  let slab = Buffer.allocUnsafeSlow(slabBytes)
  let used = 0

  const writeAt = (start: number, record: DecodedRecord): number => {
    try {
      return type.encode(record, slab, start + headerBytes)
    } catch (thrown) {
      throw unencodable(node, type, record, thrown)
    }
  }

  return {
    encode(record) {
      if (used + headerBytes > slab.length) {
        slab = Buffer.allocUnsafeSlow(slabBytes)
        used = 0
      }
      let end = writeAt(used, record)
      if (end < 0) {
        const size = slab.length - used - end
        slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, size))
        used = 0
        end = writeAt(0, record)
      }
      slab[used] = 0
      slab.writeUInt32BE(schemaId, used + 1)
      const encoded = slab.subarray(used, end)
      used = end
      return encoded
    },
  }
}

function unencodable(node: RecordNode, type: avsc.Type, record: DecodedRecord, thrown: unknown): MillraceError {
  let place = ''
  type.isValid(record, { errorHook: path => (place ||= path.join('.')) })
  const what = place === '' ? `is no ${node.name}` : `has a wrong value in ${place}`
  return new MillraceError('RECORD_INVALID', `The record ${what}.`, { place: place || node.name, cause: thrown })
}

/** Schemas kept ready at a time, besides those of the batch being decoded. */
const maxReadings = 1_000
/** Schemas asked for at a time. */
const parallelLookups = 8

/** How records of one schema id are read, or why they cannot be. */
type Reading =
  | { readonly scan: Scan; readonly type: avsc.Type; readonly resolver: Resolver; readonly error?: undefined }
  | { readonly error: MillraceError; readonly final: boolean }

type Resolver = ReturnType<avsc.Type['createResolver']>

export function createDecoder(
  options: CodecOptions & { readonly registry: Pick<SchemaRegistry, 'byId' | 'version'> },
): Decoder {
  const { node, avro, registry } = options
  const reader = parseAvro(avro).type
  /** The least recently used first. */
  const readings = new Map<number, Reading>()

  const prepareId = async (id: number): Promise<void> => {
    const known = readings.get(id)
    const reading = known?.error === undefined || known.final ? known : undefined
    const fresh = reading ?? (await openReading(id, reader, registry))
    readings.delete(id)
    readings.set(id, fresh)
  }

  return {
    async prepare(records) {
      const ids = new Set<number>()
      for (const { value } of records) {
        if (value !== null && framed(value)) ids.add(schemaIdOf(value))
      }
      const queue = [...ids]
      while (queue.length > 0) await Promise.all(queue.splice(0, parallelLookups).map(prepareId))
      for (const id of readings.keys()) {
        if (readings.size <= Math.max(maxReadings, ids.size)) break
        readings.delete(id)
      }
    },

    decode(value) {
      if (!framed(value)) throw new MillraceError('RECORD_UNDECODABLE', frameFault(value))
      const id = schemaIdOf(value)
      const reading = readings.get(id)
      if (reading === undefined) throw new MillraceError('INVARIANT_BROKEN', `Schema ${id} was not prepared.`)
      if (reading.error !== undefined) throw reading.error
      const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      reading.scan(bytes, headerBytes)
      try {
        return reading.type.decode(bytes, headerBytes, reading.resolver).value
      } catch (thrown) {
        const { message } = asMillraceError(thrown)
        throw new MillraceError('RECORD_UNDECODABLE', message, { place: node.name, cause: thrown })
      }
    },
  }
}

function framed(value: Uint8Array): boolean {
  return value.length >= headerBytes && value[0] === 0
}

function frameFault(value: Uint8Array): string {
  if (value.length === 0) return 'The record is empty.'
  if (value[0] !== 0) return `The record starts with the byte ${value[0]}; one with a schema id starts with 0.`
  return `The record has ${value.length} bytes; a zero byte and a schema id alone take ${headerBytes}.`
}

function schemaIdOf(value: Uint8Array): number {
  return ((value[1]! << 24) | (value[2]! << 16) | (value[3]! << 8) | value[4]!) >>> 0
}

/** Only what concerns this schema becomes a reading; a registry that does not answer concerns no record. */
async function openReading(
  id: number,
  reader: AvroType,
  registry: Pick<SchemaRegistry, 'byId' | 'version'>,
): Promise<Reading> {
  const writer = await writerSchema(id, reader, registry)
  if (writer.error !== undefined) return writer
  try {
    const type = readerType(reader)
    const resolver = type.createResolver(writerType(writer.type), { ignoreNamespaces: true })
    return { scan: compileScan(writer.type), type, resolver }
  } catch (thrown) {
    return { error: unreadable(id, (thrown as Error).message, thrown), final: true }
  }
}
