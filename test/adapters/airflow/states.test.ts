import { describe, expect, it } from 'vitest'
import { attemptState, type isOver } from '../../../src/adapters/airflow/attempts.ts'
import { readDocument, writeDocument } from '../../../src/adapters/airflow/dag-document.ts'
import { cancelNote } from '../../../src/adapters/airflow/runs.ts'
import { dagPlan } from '../embedded/orchestrator/fixture.ts'

type Try = Parameters<typeof isOver>[0]

function attempt(state: string | null, number = 1, limit = 2): Try {
  return { state, try_number: number, max_tries: limit, start_date: null, end_date: null }
}

const failed = { state: 'failed', attempts: 1 } as const

describe('an attempt in Airflow', () => {
  it.each([
    ['success', 'success'],
    ['failed', 'failed'],
    ['up_for_retry', 'up_for_retry'],
    ['running', 'running'],
    ['restarting', 'running'],
    ['deferred', 'running'],
    ['queued', 'queued'],
    ['scheduled', 'queued'],
    [null, 'queued'],
    ['skipped', 'cancelled'],
    ['removed', 'cancelled'],
    ['upstream_failed', 'cancelled'],
  ])('that is %s is %s here', (theirs, ours) => {
    expect(attemptState(attempt(theirs), undefined, failed, false)).toBe(ours)
  })

  it('that failed was up for retry if the next has the same limit of tries, and final if the run was cleared', () => {
    const [first, second] = [attempt('failed'), attempt('success', 2)]
    expect(attemptState(first, second, { state: 'success', attempts: 2 }, false)).toBe('up_for_retry')
    expect(attemptState(first, attempt('success', 2, 3), { state: 'success', attempts: 2 }, false)).toBe('failed')
  })

  it('that its time was over for has timed out, and the last of a cancelled run is cancelled', () => {
    expect(attemptState(attempt('failed'), undefined, failed, true)).toBe('timed_out')
    expect(attemptState(attempt('failed', 2), undefined, { state: 'cancelled', attempts: 2 }, false)).toBe('cancelled')
    expect(attemptState(attempt('failed'), attempt('failed', 2), { state: 'cancelled', attempts: 2 }, false)).toBe(
      'up_for_retry',
    )
  })

  it('is counted in the note of a run that was cancelled, so that a later failure is none', () => {
    expect(cancelNote(1)).toBe('Cancelled with Millrace after 1 attempt.')
    expect(cancelNote(0)).toBe('Cancelled with Millrace after 0 attempts.')
  })
})

describe('the document of a DAG', () => {
  it.each([false, true])('gives back what was deployed (removed: %s)', removed => {
    const document = { plan: dagPlan(), removed, begins: '2026-01-01T00:00:00.000Z', digest: 'abc' }
    expect(readDocument(`${writeDocument(document)}\n`)).toEqual(document)
  })

  it('is not taken for ours where it is not', () => {
    for (const text of [null, '', 'My DAG', '```json\n{}\n```', '```json\n{"millrace":{}}\n```', '```json\nno\n```']) {
      expect(readDocument(text)).toBeNull()
    }
  })
})
