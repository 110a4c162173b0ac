import { describe, expect, it } from 'vitest'
import type { QueryProgress } from '../../../src/adapters/spark/connect/progress.ts'
import { stageProgress } from '../../../src/adapters/spark/stage-progress.ts'

const batch: QueryProgress = {
  id: 'id',
  runId: 'run',
  name: 'shop/load',
  timestamp: '2026-01-01T00:00:00.000Z',
  batchId: 3,
  batchDuration: 120,
  numInputRows: 60,
  durationMs: { latestOffset: 3, getBatch: 1, queryPlanning: 20, addBatch: 80, walCommit: 9, commitOffsets: 7 },
  eventTime: {},
  stateOperators: [],
  sources: [
    {
      description: 'KafkaV2[Subscribe[orders]]',
      startOffset: { orders: { 0: 10, 1: 20, 2: 5 } },
      endOffset: { orders: { 0: 40, 1: 50, 2: 5 } },
      latestOffset: { orders: { 0: 90, 1: 50, 2: 5 } },
      numInputRows: 60,
    },
  ],
  sink: { description: 'sink', numOutputRows: -1, metrics: { rows: '50', deadLetters: '4', filtered: '6' } },
}

describe('the progress of a query', () => {
  it('is that of a stage', () => {
    expect(stageProgress('shop/load', batch, 1_000)).toEqual({
      ...{ stage: 'shop/load', at: 1_000, recordsIn: 60, recordsOut: 50, deadLetters: 4, filtered: 6, bytesIn: 0 },
      ms: { read: 4, decode: 0, transform: 20, sink: 80, commit: 16 },
      partitions: [
        { partition: 0, committed: 40, end: 90 },
        { partition: 1, committed: 50, end: 50 },
      ],
    })
  })

  it('has every partition that the first batch read', () => {
    const sources = [{ ...batch.sources[0]!, startOffset: null }]
    expect(stageProgress('shop/load', { ...batch, sources }, 0)!.partitions).toHaveLength(3)
  })

  it('is the same where Spark gives offsets as text, as it does when it is asked', () => {
    const { startOffset, endOffset, latestOffset, ...source } = batch.sources[0]!
    const [start, end, latest] = [startOffset, endOffset, latestOffset].map(offsets => JSON.stringify(offsets))
    const asked = { ...batch, sources: [{ ...source, startOffset: start, endOffset: end, latestOffset: latest }] }
    expect(stageProgress('shop/load', asked, 1_000)).toEqual(stageProgress('shop/load', batch, 1_000))
  })

  it('is none for a batch without records', () => {
    const sources = [{ ...batch.sources[0]!, numInputRows: 0 }]
    expect(stageProgress('shop/load', { ...batch, sources }, 0)).toBeNull()
  })
})
