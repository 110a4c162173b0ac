import { crc32 } from 'node:zlib'

/** As Spark's own clients have it, in bytes. */
const chunkBytes = 32 * 1024

/** What a session is to have, such as a jar. */
export interface Artifact {
  /** `jars/<file>.jar` for the class path, `files/<file>` for tasks to read. */
  readonly name: string
  readonly data: Uint8Array
}

/**
 * The requests that carry artifacts: small ones together, others in chunks.
 * @param identity the session's fields of every request
 */
export function* artifactRequests(identity: object, artifacts: readonly Artifact[]): Generator<object> {
  for (const payload of payloads(artifacts)) yield { ...identity, ...payload }
}

function* payloads(artifacts: readonly Artifact[]): Generator<object> {
  let batch: object[] = []
  let batchBytes = 0
  for (const { name, data } of artifacts) {
    if (batchBytes + data.length > chunkBytes && batch.length > 0) {
      yield { batch: { artifacts: batch } }
      batch = []
      batchBytes = 0
    }
    if (data.length > chunkBytes) {
      yield* chunked(name, data)
      continue
    }
    batch.push({ name, data: chunk(data) })
    batchBytes += data.length
  }
  if (batch.length > 0) yield { batch: { artifacts: batch } }
}

function* chunked(name: string, data: Uint8Array): Generator<object> {
  const initial_chunk = chunk(data.subarray(0, chunkBytes))
  const num_chunks = String(Math.ceil(data.length / chunkBytes))
  yield { begin_chunk: { name, total_bytes: String(data.length), num_chunks, initial_chunk } }
  for (let from = chunkBytes; from < data.length; from += chunkBytes) {
    yield { chunk: chunk(data.subarray(from, from + chunkBytes)) }
  }
}

function chunk(data: Uint8Array): object {
  return { data, crc: String(crc32(data)) }
}
