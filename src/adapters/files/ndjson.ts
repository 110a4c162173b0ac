import { isUtf8 } from 'node:buffer'
import type { SourceRecord } from '../../ports/source.ts'
import { MillraceError } from '../../sdk/errors.ts'
import type { Line } from './lines.ts'

/** The record on a line of `file` that starts at byte `offset`; null for a blank line. */
export function parseLine({ bytes, length }: Line, file: string, offset: number): SourceRecord | null {
  const unreadable = (message: string, fix: string): SourceRecord => ({
    bytes,
    error: new MillraceError('RECORD_INVALID', message, { place: `${file}@${offset}`, fix }),
  })
  if (length > bytes.length) {
    const kept = `only its first ${bytes.length} are kept`
    return unreadable(
      `The line has ${length} bytes, more than the source allows; ${kept}.`,
      'Raise maxLine of the source.',
    )
  }
  if (!isUtf8(bytes)) return unreadable('The line is not UTF-8 text.', oneObjectALine)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  try {
    return { value: JSON.parse(text) as unknown, bytes }
  } catch (error) {
    if (text.trim() === '') return null
    return unreadable(`The line is not JSON: ${(error as Error).message}.`, oneObjectALine)
  }
}

const oneObjectALine = 'Write one JSON object a line, in UTF-8.'
