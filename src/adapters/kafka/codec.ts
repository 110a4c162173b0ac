import { MillraceError } from '../../sdk/errors.ts'
import type { KafkaClient } from './client.ts'
import type { BatchCodec } from './record-cursor.ts'

/** Checksums and compression as the client has them. */
export function batchCodec(client: KafkaClient): BatchCodec {
  return {
    checksum: client.crc32c,
    decompress(algorithm, bytes) {
      const found = client.compressionsAlgorithmsByBitmask[algorithm]
      if (found === undefined) throw new MillraceError('LOG_CORRUPT', `Compression ${algorithm} is not known.`)
      return found.decompressSync(bytes)
    },
  }
}
