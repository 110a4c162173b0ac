import { describe, expect, it } from 'vitest'
import { readAhead } from '../../src/engine/read-ahead.ts'

const never = new AbortController().signal

describe('reading ahead', () => {
  it('asks for one item while the one before it is worked on, and for no more', async () => {
    const asked: number[] = []
    const seen: { item: number; asked: number[] }[] = []
    async function* numbers() {
      for (const item of [1, 2, 3, 4]) {
        asked.push(item)
        yield item
      }
    }
    for await (const item of readAhead(numbers, never)) {
      seen.push({ item, asked: [...asked] })
    }
    expect(seen).toEqual([
      { item: 1, asked: [1, 2] },
      { item: 2, asked: [1, 2, 3] },
      { item: 3, asked: [1, 2, 3, 4] },
      { item: 4, asked: [1, 2, 3, 4] },
    ])
  })

  it('fails after the items before the failure, however early it came', async () => {
    const failed = Promise.withResolvers<void>()
    async function* broken() {
      yield 1
      failed.resolve()
      throw new Error('gone')
    }
    const seen: number[] = []
    const reading = async () => {
      for await (const item of readAhead(broken, never)) {
        await failed.promise
        seen.push(item)
      }
    }
    await expect(reading()).rejects.toThrow('gone')
    expect(seen).toEqual([1])
  })

  it('aborts what is being read when its reader leaves, and waits until that has ended', async () => {
    let ended = false
    async function* endless(signal: AbortSignal) {
      try {
        yield 1
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      } finally {
        ended = true
      }
    }
    for await (const _ of readAhead(endless, never)) break
    expect(ended).toBe(true)
  })

  it('gives nothing that came before the signal aborted once it has', async () => {
    const stop = new AbortController()
    async function* numbers() {
      yield 1
      yield 2
    }
    const seen: number[] = []
    const reading = async () => {
      for await (const item of readAhead(numbers, stop.signal)) {
        seen.push(item)
        stop.abort(new Error('stopped'))
      }
    }
    await expect(reading()).rejects.toThrow('stopped')
    expect(seen).toEqual([1])
  })
})
