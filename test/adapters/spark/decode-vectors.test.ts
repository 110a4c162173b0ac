import { join } from 'node:path'
import { expect, it } from 'vitest'
import { writerSchemasJson } from '../../../src/adapters/spark/writer-schemas.ts'
import { seededRandom } from '../../../src/adapters/system/seeded-random.ts'
import { createDecoder } from '../../../src/engine/codec.ts'
import { avroSchema } from '../../../src/plan/avro.ts'
import { parseAvro } from '../../../src/plan/avro-schema.ts'
import type { SchemaRegistry } from '../../../src/ports/schema-registry.ts'
import { type WriterSchema, writerSchema } from '../../../src/ports/writer-schema.ts'
import type { MillraceError } from '../../../src/sdk/errors.ts'
import type { Json } from '../../../src/sdk/json.ts'
import type { TypeNode } from '../../../src/sdk/nodes.ts'
import { registryOf } from '../../engine/codec-fixture.ts'
import { type DecodeSuite, decodeSuites } from './decode-suites.ts'
import { RandomAvro } from './random-avro.ts'

/** For each schema that some records can be read with, and for each that none can. */
const [casesReadable, casesUnreadable] = [40, 3]

/** What Java's tests of `millrace_decode` read; `npx vitest run test/adapters/spark/decode-vectors.test.ts -u` writes it. */
const file = join(import.meta.dirname, '../../../spark-sink/src/test/resources/decode-vectors.ndjson')

it('records are decoded, or not, as the vectors say that Java shares', async () => {
  const suites = await Promise.all(decodeSuites.map(vectors))
  const lines = suites.flat()
  const cases = lines.filter(line => line.startsWith('['))
  expect(cases.length).toBeGreaterThan(3_000)
  expect(cases.filter(line => line.includes('"value":')).length).toBeGreaterThan(700)
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(file)
})

async function vectors(suite: DecodeSuite): Promise<readonly string[]> {
  const { what, topic } = suite
  const avro = avroSchema(topic)
  const registry = registryOf(suite.writers)
  const writers = new Map<number, WriterSchema>()
  // One more than there are, which nobody has registered.
  for (let id = 1; id <= suite.writers.length + 1; id++) {
    writers.set(id, await writerSchema(id, parseAvro(avro).type, registry))
  }
  const decoder = createDecoder({ node: topic, avro, registry: registry as Pick<SchemaRegistry, 'byId' | 'version'> })
  const random = new RandomAvro(seededRandom(what))
  const lines = [JSON.stringify({ what, reader: JSON.stringify(avro), writers: writerSchemasJson(writers) })]
  const decode = async (bytes: Buffer) => {
    await decoder.prepare([{ value: bytes }])
    lines.push(JSON.stringify([bytes.toString('hex'), outcome(() => rendered(topic, decoder.decode(bytes)))]))
  }
  for (const bytes of ['', '00', '00000000', '0000000001', '0100000001', '7b7d', '00ffffffff']) {
    const id = Buffer.from(bytes, 'hex').length >= 5 ? Buffer.from(bytes, 'hex').readUInt32BE(1) : 1
    if (writers.has(id)) await decode(Buffer.from(bytes, 'hex'))
  }
  for (const [id, writer] of writers) {
    const type = writer.error === undefined ? writer.type : parseAvro(avro).type
    const count = writer.error === undefined ? casesReadable : casesUnreadable
    for (let each = 0; each < count; each++) {
      const sound = random.frame(id, type)
      await decode(sound)
      const broken = random.broken(sound)
      // Java refuses to decode a schema that it is not told about, and so is never asked to.
      if (broken.length < 5 || broken[0] !== 0 || writers.has(broken.readUInt32BE(1))) await decode(broken)
    }
  }
  return lines
}

function outcome(decode: () => Json): Json {
  try {
    return { value: decode() }
  } catch (thrown) {
    const { code, message, place } = thrown as MillraceError
    expect(code).toBe('RECORD_UNDECODABLE')
    return { reason: place === null || message.includes(place) ? message : `${message} (${place})` }
  }
}

/** A value as JSON that tells every two values apart: records and arrays as lists, a double as its 64 bits. */
function rendered(type: TypeNode, value: unknown): Json {
  if (value === null) return null
  switch (type.kind) {
    case 'optional':
      return rendered(type.of, value)
    case 'array':
      return (value as unknown[]).map(item => rendered(type.of, item))
    case 'record':
      return type.fields.map(({ name, type }) => rendered(type, (value as { [name: string]: unknown })[name]))
    case 'timestamp':
      return (value as Date).getTime()
    case 'double': {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleBE(value as number)
      return bytes.toString('hex')
    }
    default:
      return value as Json
  }
}
