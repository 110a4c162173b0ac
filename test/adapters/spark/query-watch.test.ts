import { describe, expect, it } from 'vitest'
import type { QueryEvent } from '../../../src/adapters/spark/connect/events.ts'
import type { QueryProgress } from '../../../src/adapters/spark/connect/progress.ts'
import type { ListenOptions, StreamingQuery } from '../../../src/adapters/spark/connect/queries.ts'
import type { Session } from '../../../src/adapters/spark/connect/session.ts'
import { QueryWatch } from '../../../src/adapters/spark/query-watch.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'

const batch = (batchId: number): QueryProgress => ({
  ...{ id: 'query', runId: 'run', name: null, timestamp: '2026-01-01T00:00:00.000Z', batchId, batchDuration: 1 },
  ...{ numInputRows: 1, durationMs: {}, eventTime: {}, stateOperators: [], sources: [] },
  sink: { description: '', numOutputRows: -1 },
})

const progress = (batchId: number, runId = 'run'): QueryEvent => ({
  ...{ kind: 'progress', id: 'query', runId, progress: batch(batchId) },
})

/** A session that tells of these events; where they end without an end of the query, another process has its listener. */
function telling(...events: readonly QueryEvent[]): Session {
  async function* listen({ onListening, takeOver }: ListenOptions): AsyncGenerator<QueryEvent> {
    expect(takeOver).toBe(true)
    onListening?.()
    yield* events
  }
  return { queries: { listen } } as unknown as Session
}

const idle = -1

async function followed(session: Session, query: object = {}): Promise<readonly number[]> {
  const watch = new QueryWatch(session, virtualClock({ auto: true }), new AbortController().signal)
  await watch.ready()
  const told: number[] = []
  await watch.follow({ id: 'query', runId: 'run', ...query } as StreamingQuery, {
    onProgress: ({ batchId }) => told.push(batchId),
    onIdle: () => told.push(idle),
  })
  return told
}

const ended: QueryEvent = { kind: 'terminated', id: 'query', runId: 'run', failure: null }

describe('a query that is watched', () => {
  it('tells of each batch of its run until it ends', async () => {
    const idling: QueryEvent = { kind: 'idle', id: 'query', runId: 'run' }
    const told = await followed(telling(progress(0), progress(7, 'another'), idling, progress(1), ended))
    expect(told).toEqual([0, idle, 1])
  })

  it('throws why it failed', async () => {
    const failure = new Error('why') as never
    await expect(followed(telling(progress(0), { ...ended, failure }))).rejects.toBe(failure)
  })

  it('is asked for its batches, each told once, when another process has become the listener', async () => {
    const recent = [[batch(0), batch(1)], [batch(1), batch(2)], [batch(3)]]
    const active = [true, true, false]
    const told = await followed(telling(progress(0)), {
      status: async () => ({ isActive: active.shift() }),
      recentProgress: async () => recent.shift(),
      exception: async () => null,
    })
    expect(told).toEqual([0, 1, 2, 3])
  })

  it('throws why it failed, too, when it is asked', async () => {
    const failure = new Error('why')
    const query = {
      status: async () => ({ isActive: false }),
      recentProgress: async () => [],
      exception: async () => failure,
    }
    await expect(followed(telling(), query)).rejects.toBe(failure)
  })
})
