import { type Column, Parts, readColumn, type Value } from './columns.ts'
import { type ArrowField, readField } from './fields.ts'
import { Table } from './flatbuffer.ts'
import { malformed } from './malformed.ts'

/** Values by column. Where a query gives two columns the same name, the last one counts. */
export type Row = { readonly [column: string]: Value }

/** Kinds of messages, as in the union MessageHeader of Arrow's Message.fbs. */
const schemaMessage = 1
const batchMessage = 3

/**
 * The rows of a stream in Arrow's IPC format: a schema, then batches of rows.
 * @throws MillraceError `PROCESSOR_FAILED` for bytes that are none, and for what Spark does not send: dictionaries, compressed
 *   batches, unions.
 */
export function* readRows(bytes: Uint8Array): Generator<Row> {
  try {
    let fields: readonly ArrowField[] | null = null
    for (const { kind, header, body } of readMessages(bytes)) {
      if (kind === schemaMessage) fields = header.tables(1).map(readField)
      else if (kind !== batchMessage) throw malformed(`it has a message of kind ${kind}`)
      else if (fields === null) throw malformed('it does not begin with its schema')
      else yield* readBatch(fields, header, body)
    }
  } catch (thrown) {
    if (thrown instanceof RangeError) throw malformed('it is cut off')
    throw thrown
  }
}

interface Message {
  readonly kind: number
  readonly header: Table
  readonly body: DataView
}

function* readMessages(bytes: Uint8Array): Generator<Message> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.byteLength; ) {
    // Before version 0.15 it was not there.
    if (view.getUint32(at, true) !== 0xffff_ffff) throw malformed('it is not in Arrow’s format')
    const length = view.getInt32(at + 4, true)
    if (length === 0) return
    const start = bytes.byteOffset + at + 8
    const message = Table.root(new DataView(bytes.buffer, start, length))
    const header = message.table(2)
    if (header === null) throw malformed('a message is empty')
    const body = new DataView(bytes.buffer, start + length, message.int64(3))
    if (at + 8 + length + body.byteLength > bytes.byteLength) throw malformed('it is cut off')
    yield { kind: message.int8(1), header, body }
    at += 8 + length + body.byteLength
  }
}

function* readBatch(fields: readonly ArrowField[], header: Table, body: DataView): Generator<Row> {
  if (header.table(3) !== null) throw malformed('it is compressed')
  const parts = new Parts(header.pairs(1), header.pairs(2), body)
  const columns = fields.map(
    field => [field.name, readColumn(field, parts)] as const satisfies readonly [string, Column],
  )
  const count = header.int64(0)
  for (let row = 0; row < count; row++) yield Object.fromEntries(columns.map(([name, read]) => [name, read(row)]))
}
