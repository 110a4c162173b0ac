import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Row, readRows } from '../../../../src/adapters/spark/connect/arrow/stream.ts'
import { everyRow } from './every-type.ts'

/** What Spark 4.2.0 sent for the query `everyType`. */
const captured = readFileSync(join(import.meta.dirname, 'every-type.arrow'))

describe('a result in Arrow’s format', () => {
  it('has every type of Spark, with values at the edge and nulls', () => {
    expect([...readRows(captured)]).toEqual(everyRow)
  })

  it('can follow another in one stream', () => {
    const twice = Buffer.concat([captured.subarray(0, captured.length - 8), captured])
    expect([...readRows(twice)]).toHaveLength(6)
  })

  it('is read wherever in memory it begins', () => {
    const moved = new Uint8Array(captured.length + 3)
    moved.set(captured, 3)
    expect([...readRows(moved.subarray(3))]).toEqual(everyRow)
  })

  it('has no rows where there are no bytes', () => {
    expect([...readRows(new Uint8Array())]).toEqual([])
  })

  it('says so when it is cut off, wherever that is', () => {
    // Behind the last batch comes only its end.
    for (let length = 1; length < captured.length - 8; length += 7) {
      expect(() => [...readRows(captured.subarray(0, length))]).toThrow(
        expect.objectContaining({ code: 'PROCESSOR_FAILED', retry: 'never' }),
      )
    }
  })

  it('never gives rows of damaged bytes without an error of ours', () => {
    for (let at = 0; at < captured.length; at += 17) {
      const damaged = Buffer.from(captured)
      damaged[at] = damaged[at]! ^ 0xff
      let rows: readonly Row[] | null = null
      try {
        rows = [...readRows(damaged)]
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'PROCESSOR_FAILED' })
      }
      if (rows !== null) expect(rows.length).toBeLessThanOrEqual(255)
    }
  })
})
