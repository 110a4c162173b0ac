import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AttemptEnd,
  type AttemptHistory,
  retryDelayMs,
  verdict,
} from '../../../../src/adapters/embedded/orchestrator/outcome.ts'
import { attemptTransitions, runTransitions } from '../../../../src/ports/orchestrator.ts'

const task = { attempts: 3, retryDelayMs: 1000 }
const none: AttemptHistory = { failures: 0, losses: 0, cancelRequested: false }
const ends: AttemptEnd['kind'][] = ['done', 'retry', 'never', 'timed_out', 'cancelled', 'given_back', 'lost']

describe('the end of an attempt', () => {
  it.each<[AttemptEnd['kind'], Partial<AttemptHistory>, string, string]>([
    ['done', {}, 'success', 'success'],
    ['done', { cancelRequested: true }, 'success', 'success'],
    ['never', {}, 'failed', 'failed'],
    ['retry', {}, 'up_for_retry', 'running'],
    ['retry', { failures: 2 }, 'failed', 'failed'],
    ['retry', { cancelRequested: true }, 'failed', 'cancelled'],
    ['retry', { losses: 99 }, 'up_for_retry', 'running'],
    ['timed_out', {}, 'timed_out', 'running'],
    ['timed_out', { failures: 2 }, 'timed_out', 'failed'],
    ['cancelled', {}, 'cancelled', 'cancelled'],
    ['given_back', { failures: 2 }, 'cancelled', 'queued'],
    ['lost', { failures: 2 }, 'lost', 'running'],
    ['lost', { losses: 98 }, 'lost', 'running'],
    ['lost', { losses: 99 }, 'lost', 'failed'],
    ['lost', { cancelRequested: true }, 'lost', 'cancelled'],
  ])('%s after %j makes the attempt %s and the run %s', (kind, history, attempt, run) => {
    expect(verdict({ kind }, { ...none, ...history }, task, 0.5)).toMatchObject({ attempt, run })
  })

  it('always leads where the transition tables allow', () => {
    const history = fc.record({
      failures: fc.nat({ max: 5 }),
      losses: fc.nat({ max: 25 }),
      cancelRequested: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.constantFrom(...ends), history, (kind, before) => {
        const { attempt, run, delayMs } = verdict({ kind }, before, task, 0.5)
        expect(attemptTransitions.running).toContain(attempt)
        if (run !== 'running') expect(runTransitions.running).toContain(run)
        if (run !== 'running') expect(delayMs).toBe(0)
      }),
    )
  })

  it('doubles the pause before a retry up to an hour, within a tenth', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 100_000 }),
        fc.nat({ max: 50 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (first, failures, random) => {
          const exact = Math.min(first * 2 ** failures, 3_600_000)
          const delay = retryDelayMs(first, failures, random)
          expect(delay).toBeGreaterThanOrEqual(Math.floor(exact * 0.9))
          expect(delay).toBeLessThanOrEqual(Math.ceil(exact * 1.1))
        },
      ),
    )
  })
})
