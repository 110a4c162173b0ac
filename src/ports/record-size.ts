import { MillraceError } from '../sdk/errors.ts'
import type { NewRecord } from './log.ts'

/** What headers may take beside a topic's `maxRecordBytes`; they have what key and value leave of those, too. */
export const maxHeaderBytes = 64 * 1024

/** The lengths of a header's name and value take at most this in a record of Kafka. */
const headerOverhead = 10

/**
 * Whether a topic takes a record; the same on every log.
 * @param index of the record in its append
 * @throws MillraceError `RECORD_TOO_LARGE`; its place is the index.
 */
export function checkRecordSize(
  { key, value, headers = {} }: NewRecord,
  index: number,
  topic: { readonly name: string; readonly maxRecordBytes: number },
): void {
  const bytes = (key?.length ?? 0) + (value?.length ?? 0)
  if (bytes > topic.maxRecordBytes) {
    throw new MillraceError(
      'RECORD_TOO_LARGE',
      `Record ${index} has ${bytes} bytes; topic ${topic.name} takes ${topic.maxRecordBytes}.`,
      { place: String(index), fix: `Make the record smaller, or raise maxRecordBytes of ${topic.name}.` },
    )
  }
  let inAll = bytes
  for (const name in headers) inAll += Buffer.byteLength(name) + headers[name]!.length + headerOverhead
  const most = topic.maxRecordBytes + maxHeaderBytes
  if (inAll > most) {
    throw new MillraceError(
      'RECORD_TOO_LARGE',
      `Record ${index} has ${inAll} bytes with its headers; topic ${topic.name} takes ${most}.`,
      { place: String(index), fix: 'Put less into the headers.' },
    )
  }
}
