import { describe, expect, it } from 'vitest'
import { startingPoint } from '../../../src/adapters/spark/starting-point.ts'
import type { Commit } from '../../../src/ports/log.ts'

const ranges = [0, 1, 2].map(partition => ({ partition, start: 0, end: 100 }))
const nothing = { topic: 'orders', ranges, commits: [], checkpoints: [] }

function commit(partition: number, next: number, metadata: string): Commit {
  return { group: 'shop.load', topic: 'orders', partition, next, metadata }
}

const bySpark = (checkpoint: string) => JSON.stringify({ version: 7, checkpoint })
const byNode = '{"version":7}'

describe('where a query begins', () => {
  it('is the start of the topic, where nothing was ever processed', () => {
    expect(startingPoint(nothing)).toEqual({
      checkpoint: 'orders-from-start',
      offsets: '{"orders":{"0":-2,"1":-2,"2":-2}}',
    })
  })

  it('is the checkpoint that the group’s commits name', () => {
    const commits = [commit(0, 10, bySpark('orders-from-start')), commit(1, 20, bySpark('orders-from-start'))]
    expect(startingPoint({ ...nothing, commits })).toEqual({
      checkpoint: 'orders-from-start',
      offsets: '{"orders":{"0":10,"1":20,"2":-2}}',
    })
  })

  it('is a new checkpoint at the commits, where Node made them, and the same for all who start there', () => {
    const commits = [commit(1, 20, byNode), commit(0, 10, byNode)]
    const point = startingPoint({ ...nothing, commits })
    expect(point).toEqual({
      checkpoint: expect.stringMatching(/^orders-from-[0-9a-f]{16}$/),
      offsets: '{"orders":{"0":10,"1":20,"2":-2}}',
    })
    expect(startingPoint({ ...nothing, commits: commits.toReversed() })).toEqual(point)
    expect(startingPoint({ ...nothing, commits: [commit(0, 11, byNode)] }).checkpoint).not.toBe(point.checkpoint)
  })

  it.each([
    ['Node took one partition over', [commit(0, 10, bySpark('a')), commit(1, 20, byNode)]],
    ['a tool moved one', [commit(0, 10, bySpark('a')), commit(1, 0, '')]],
    ['two checkpoints are named', [commit(0, 10, bySpark('a')), commit(1, 20, bySpark('b'))]],
    ['the name would leave the directory', [commit(0, 10, bySpark('../a'))]],
  ])('is a new checkpoint if %s', (_, commits) => {
    expect(startingPoint({ ...nothing, commits }).checkpoint).toMatch(/^orders-from-[0-9a-f]{16}$/)
  })

  it('is the table’s own checkpoint for partitions that the group says nothing of', () => {
    const at = { topic: 'orders', epoch: 1, version: 7 }
    const checkpoints = [
      { ...at, partition: 0, next: 5 },
      { ...at, partition: 1, next: 15 },
      { ...at, topic: 'others', partition: 2, next: 50 },
    ]
    expect(startingPoint({ ...nothing, checkpoints, commits: [commit(0, 10, byNode)] }).offsets).toBe(
      '{"orders":{"0":10,"1":15,"2":-2}}',
    )
  })

  it('is refused if it lies behind the end of the topic, which then is another one', () => {
    expect(() => startingPoint({ ...nothing, commits: [commit(1, 101, byNode)] })).toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE', place: 'orders[1]' }),
    )
  })
})
