import { describe, expect, it } from 'vitest'
import { pipeline } from '../../src/sdk/pipeline.ts'
import { table } from '../../src/sdk/table.ts'
import { topic } from '../../src/sdk/topic.ts'
import { t } from '../../src/sdk/types.ts'

const row = t.record('Row', { id: t.int() })
const rows = topic('rows', { key: 'id', value: row })
const stored = table('k.rows', { row, primaryKey: ['id'] })

describe('a pipeline', () => {
  it('is not changed by adding to it', () => {
    const empty = pipeline('p')
    const one = empty.stream('a', { from: rows, into: stored })
    const two = one.stream('b', { from: rows, into: stored })
    expect([empty, one, two].map(({ stages }) => stages.map(({ name }) => name))).toEqual([[], ['a'], ['a', 'b']])
    expect(() => Object.assign(one, { name: 'q' })).toThrow(TypeError)
    expect(() => Object.assign(one.stages[0]!, { name: 'q' })).toThrow(TypeError)
  })

  it('knows the line of each stage', () => {
    const line = Number(/:(\d+):\d+\)?$/m.exec(new Error().stack!)![1])
    const one = pipeline('p').stream('a', { from: rows, into: stored })
    const two = one.stream('b', { from: rows, into: stored })
    expect(two.stages.map(({ place }) => place)).toEqual([
      `test/sdk/pipeline.test.ts:${line + 1}`,
      `test/sdk/pipeline.test.ts:${line + 2}`,
    ])
  })

  it('does not call its functions', () => {
    const never = () => {
      throw new Error('called')
    }
    expect(() => pipeline('p').stream('a', { from: rows, into: stored, where: never, map: never })).not.toThrow()
  })
})

describe('a topic', () => {
  it('has defaults', () => {
    expect(rows).toMatchObject({ partitions: 4, replication: 1, retention: '7d', maxRecordBytes: '1 MiB' })
  })

  it('keeps its default where an option is undefined', () => {
    expect(topic('rows', { key: 'id', value: row, ...({ partitions: undefined } as object) }).partitions).toBe(4)
  })
})

describe('a table', () => {
  it('is not append-only by default', () => expect(stored.appendOnly).toBe(false))
})
