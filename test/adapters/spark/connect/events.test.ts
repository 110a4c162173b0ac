import { describe, expect, it } from 'vitest'
import { readEvent } from '../../../../src/adapters/spark/connect/events.ts'
import { readProgress } from '../../../../src/adapters/spark/connect/progress.ts'
import { collect, rowsOf } from '../../../../src/adapters/spark/connect/rows.ts'

/** As Spark 4.2.0 sent it. */
const progress = {
  ...{ id: 'b4ae67ce-4179-48f0-b669-cc70b48d676b', runId: 'f4933b1c-5ef5-44c9-8c3e-b16e914a0c98', name: 'mem' },
  ...{ timestamp: '2026-11-23T17:48:36.960Z', batchId: 0, batchDuration: 6902, numInputRows: 10 },
  ...{ inputRowsPerSecond: 0, processedRowsPerSecond: 1.4 },
  durationMs: { addBatch: 4881, commitOffsets: 775, getBatch: 1, latestOffset: 0, triggerExecution: 6856 },
  stateOperators: [],
  sources: [{ description: 'RateStreamV2', startOffset: null, endOffset: 1, latestOffset: 1, numInputRows: 10 }],
  sink: { description: 'MemorySink', numOutputRows: 10 },
}
const { id, runId } = progress

describe('an event of a streaming query', () => {
  it('can be its progress', () => {
    const event = readEvent('QUERY_PROGRESS_EVENT', JSON.stringify({ progress }))
    expect(event).toEqual({ kind: 'progress', id, runId, progress: { ...progress, eventTime: {} } })
  })

  it('can be that it is idle', () => {
    const json = JSON.stringify({ id, runId, timestamp: progress.timestamp })
    expect(readEvent('QUERY_IDLE_EVENT', json)).toEqual({ kind: 'idle', id, runId })
  })

  it('can be its end, with or without a failure', () => {
    const end = (exception: string | null, errorClassOnException: string | null) =>
      readEvent('QUERY_TERMINATED_EVENT', JSON.stringify({ id, runId, exception, errorClassOnException }))
    expect(end(null, null)).toEqual({ kind: 'terminated', id, runId, failure: null })
    expect(end('[DIVIDE_BY_ZERO] No. SQLSTATE: 22012', 'STREAM_FAILED')).toMatchObject({
      kind: 'terminated',
      failure: { code: 'PROCESSOR_REFUSED', errorClass: 'DIVIDE_BY_ZERO' },
    })
    expect(end('out of memory', null)).toMatchObject({ failure: { code: 'PROCESSOR_FAILED', retry: 'later' } })
  })

  it('can be one of a later version, which is left out', () => {
    expect(readEvent('QUERY_PROGRESS_UNSPECIFIED', '{}')).toBeNull()
  })

  it.each([
    ['QUERY_PROGRESS_EVENT', '{'],
    ['QUERY_PROGRESS_EVENT', '[]'],
    ['QUERY_PROGRESS_EVENT', '{"progress":null}'],
    ['QUERY_PROGRESS_EVENT', '{"progress":{"id":"a"}}'],
    ['QUERY_IDLE_EVENT', '{"id":"a"}'],
    ['QUERY_TERMINATED_EVENT', '"end"'],
  ])('of %s is refused when it is %s', (type, json) => {
    expect(() => readEvent(type, json)).toThrow(expect.objectContaining({ code: 'PROCESSOR_FAILED', retry: 'never' }))
  })

  it('leaves nothing undefined that a version leaves out', () => {
    const { name: _, stateOperators: __, numInputRows, ...less } = progress
    const empty = { name: null, stateOperators: [], eventTime: {} }
    expect(readProgress(JSON.stringify(less))).toMatchObject({ ...empty, numInputRows })
  })
})

describe('the rows of a result', () => {
  async function* responses(...offsets: readonly (string | undefined)[]) {
    for (const start_offset of offsets) {
      const arrow_batch = {
        row_count: '2',
        data: new Uint8Array(),
        ...(start_offset !== undefined && { start_offset }),
      }
      yield { server_side_session_id: '', operation_id: '', response_id: '', schema: null, arrow_batch }
    }
  }

  it('are refused where some are missing', async () => {
    await collect(rowsOf(responses('0', '2', '4')), 10)
    await expect(collect(rowsOf(responses('0', '4')), 10)).rejects.toThrow('row 4 of a result where row 2 was next')
  })

  it('are collected up to a limit', async () => {
    async function* three() {
      yield* [{ a: 1 }, { a: 2 }, { a: 3 }]
    }
    expect(await collect(three(), 3)).toHaveLength(3)
    await expect(collect(three(), 2)).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' })
  })
})
