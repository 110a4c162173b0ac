import { describe, expect, it } from 'vitest'
import { followStage } from '../../src/cli/follow-stage.ts'
import type { Processor, StageEvent, StageState } from '../../src/ports/processor.ts'
import { MillraceError } from '../../src/sdk/errors.ts'

const stage = 'shop/load'

function scene() {
  const listeners = new Set<(event: StageEvent) => void>()
  const calls: string[] = []
  const said: string[] = []
  const states: string[] = []
  const [drain, stop] = [new AbortController(), new AbortController()]
  let state: StageState = 'stopped'
  const become = (next: StageState, error: MillraceError | null = null) => {
    state = next
    const status = { stage, state, error: error?.toJSON() ?? null, progress: null }
    for (const listener of listeners) listener({ kind: 'state', status })
  }
  const processor = {
    start: async () => become('running'),
    leave: async (_: string, ms: number) => void calls.push(`leave ${ms}`),
    stop: async () => {
      calls.push('stop')
      become('stopped')
    },
    status: async () => ({ stage, state, error: null, progress: null }),
    watch(listener: (event: StageEvent) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  } as unknown as Processor
  const followed = followStage(processor, stage, {
    ...{ drainMs: 500, drain: drain.signal, stop: stop.signal, onProgress: () => {} },
    logger: { log: (_, text) => void said.push(text) },
    onState: next => void states.push(next),
  })
  followed.catch(() => {})
  return { followed, become, drain, stop, calls, said, states, watched: () => listeners.size }
}

describe('following a stage that runs elsewhere', () => {
  it('ends when the stage does', async () => {
    const { followed, become, states, watched } = scene()
    become('stopped')
    await followed
    expect(states).toEqual(['running', 'stopped'])
    expect(watched()).toBe(0)
  })

  it('fails with what the stage failed of, and says a pause once', async () => {
    const { followed, become, said } = scene()
    const waiting = new MillraceError('PROCESSOR_UNREACHABLE', 'No answer.')
    for (const _ of [1, 2]) become('paused', waiting)
    become('failed', new MillraceError('TABLE_UNKNOWN', 'There is no such table.'))
    await expect(followed).rejects.toMatchObject({ code: 'TABLE_UNKNOWN' })
    expect(said).toEqual(['paused: No answer.', 'failed: There is no such table.'])
  })

  it('leaves the stage when it is told to, and says that it goes on', async () => {
    const { followed, drain, calls, said, watched } = scene()
    drain.abort()
    await followed
    expect(calls).toEqual(['leave 500'])
    expect(said).toEqual(['shop/load goes on without this process; `millrace stop` ends it.'])
    expect(watched()).toBe(0)
  })

  it('stops the stage at once when draining takes too long', async () => {
    const { followed, stop, calls } = scene()
    stop.abort()
    await followed
    expect(calls).toEqual(['stop'])
  })
})
