import { MillraceError } from '../../../sdk/errors.ts'
import { type Row, readRows } from './arrow/stream.ts'
import type { ExecuteResponse } from './messages.ts'

/** The rows in the answer to a query, as they come. */
export async function* rowsOf(responses: AsyncIterable<ExecuteResponse>): AsyncGenerator<Row> {
  let expected = 0
  for await (const { arrow_batch } of responses) {
    if (arrow_batch === undefined) continue
    const { start_offset, row_count, data } = arrow_batch
    // After a reattach the server goes on where it was; a gap would be rows lost without anybody telling.
    if (start_offset !== undefined && Number(start_offset) !== expected) {
      throw new MillraceError(
        'PROCESSOR_FAILED',
        `Spark sent row ${start_offset} of a result where row ${expected} was next.`,
      )
    }
    expected += Number(row_count)
    yield* readRows(data)
  }
}

/**
 * All rows at once.
 * @param maxRows more are refused
 * @throws MillraceError `RESULT_TOO_LARGE`.
 */
export async function collect(rows: AsyncIterable<Row>, maxRows: number): Promise<readonly Row[]> {
  const all: Row[] = []
  for await (const row of rows) {
    if (all.length === maxRows) {
      throw new MillraceError('RESULT_TOO_LARGE', `The result has more than the ${maxRows} rows allowed.`, {
        fix: 'Read it row by row, or add a LIMIT.',
      })
    }
    all.push(row)
  }
  return all
}
