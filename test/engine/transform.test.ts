import { describe, expect, it } from 'vitest'
import { compileKeyRow, compileRow, compileTransform, type MapFunction } from '../../src/engine/transform.ts'
import { concat, gt, http, pipeline, t, table, topic, upper } from '../../src/index.ts'
import { compile } from '../../src/plan/compile.ts'
import type { StreamPlan } from '../../src/plan/plan.ts'
import type { Pipeline } from '../../src/sdk/pipeline.ts'

const person = t.record('Person', {
  id: t.text(),
  name: t.record('Name', { first: t.text(), last: t.text() }),
  age: t.optional(t.int()),
})
const row = t.record('Row', { id: t.text(), name: t.text(), age: t.optional(t.int()) })
const people = topic('people', { key: 'id', value: person })
const rows = table('town.people', { row, primaryKey: ['id'] })
const from = http({ url: 'http://localhost/', schema: person })
const town = pipeline('town').ingest('read', { schedule: null, from, into: people })

const ada = { id: 'a', name: { first: 'Ada', last: 'Lovelace' }, age: 36 }

/** The transform of the stage `write`, with its function where it has one. */
function transformOf(declaration: Pipeline) {
  const plan = compile(declaration)
  const stage = streamOf(plan.stages)
  const map = (declaration.stages.at(-1)!.map ?? null) as MapFunction | null
  return compileTransform(stage, map, person.node, row.node)
}

function streamOf(stages: readonly { readonly kind: string }[]): StreamPlan {
  return stages.find(stage => stage.kind === 'stream') as StreamPlan
}

describe('a stage’s transform', () => {
  it('builds what select says', () => {
    const transform = transformOf(
      town.stream('write', {
        ...{ from: people, into: rows },
        select: p => ({ id: p.id, name: concat(p.name.first, ' ', upper(p.name.last)), age: p.age }),
      }),
    )
    expect(transform(ada)).toEqual({ id: 'a', name: 'Ada LOVELACE', age: 36 })
    expect(transform({ ...ada, age: null })).toEqual({ id: 'a', name: 'Ada LOVELACE', age: null })
  })

  it('leaves out what where is not true of, null included, before anything else is done with it', () => {
    const transform = transformOf(
      town.stream('write', {
        ...{ from: people, into: rows },
        where: p => gt(p.age, 17),
        map: p => {
          if (p.age === null || p.age <= 17) throw new Error('where was not asked first')
          return { id: p.id, name: p.name.first, age: p.age }
        },
      }),
    )
    expect(transform(ada)).toEqual({ id: 'a', name: 'Ada', age: 36 })
    expect(transform({ ...ada, age: 17 })).toBeNull()
    expect(transform({ ...ada, age: null })).toBeNull()
  })

  it('passes the record on as it is without select and map', () => {
    const same = table('town.same', { row, primaryKey: ['id'] })
    const flat = topic('flat', { key: 'id', value: row })
    const declaration = pipeline('flat').stream('write', { from: flat, into: same })
    const stage = streamOf(compile(declaration).stages)
    const record = { id: 'a', name: 'Ada', age: null }
    expect(compileTransform(stage, null, row.node, row.node)(record)).toBe(record)
  })

  it('says what map threw and where the stage is declared', () => {
    const transform = transformOf(
      town.stream('write', {
        ...{ from: people, into: rows },
        map: p => {
          if (p.age === null) throw new TypeError('no age')
          // What a library may throw is not always an error.
          throw 'text'
        },
      }),
    )
    const thrown = (record: typeof ada | { age: null }) => {
      try {
        return transform({ ...ada, ...record })
      } catch (error) {
        return error
      }
    }
    expect(thrown({ age: null })).toMatchObject({
      code: 'MAP_FAILED',
      message: 'map() threw: no age',
      place: expect.stringMatching(/transform\.test\.ts:\d+$/),
      retry: 'never',
      cause: expect.any(TypeError),
    })
    expect(thrown(ada)).toMatchObject({ code: 'MAP_FAILED', message: 'map() threw: text' })
  })

  it.each([
    ['a field of another type', { id: 'a', name: 7, age: null }, 'name'],
    ['a field missing', { id: 'a', age: null }, 'name'],
    ['no record', 'a', ''],
    ['nothing', undefined, ''],
    ['a promise', Promise.resolve({ id: 'a', name: 'Ada', age: null }), 'id'],
    ['a number that is no int', { id: 'a', name: 'Ada', age: 1.5 }, 'age'],
  ])('refuses a map that returns %s', (_, returned, place) => {
    const transform = transformOf(
      town.stream('write', { ...{ from: people, into: rows }, map: () => returned as never }),
    )
    expect(() => transform(ada)).toThrow(
      expect.objectContaining({ code: 'RECORD_INVALID', place: expect.stringContaining(place) }),
    )
  })

  it('reads a field that map leaves out as null where that is allowed', () => {
    const transform = transformOf(
      town.stream('write', { ...{ from: people, into: rows }, map: p => ({ id: p.id, name: 'x' }) as never }),
    )
    expect(transform(ada)).toEqual({ id: 'a', name: 'x', age: null })
  })
})

describe('a row', () => {
  it('has the values in the order of the columns, null where there is none', () => {
    const plan = compile(town.stream('write', { from: people, into: rows, map: () => ({}) as never }))
    expect(compileRow(plan.tables[0]!)({ age: 3, id: 'a' })).toEqual(['a', null, 3])
  })
})

describe('a delete', () => {
  const keyRowOf = (declaration: Pipeline, key = 'id') => {
    const plan = compile(declaration)
    return compileKeyRow(streamOf(plan.stages), key, plan.tables[0]!)
  }
  const identified = t.record('Numbered', { number: t.long(), name: t.text() })
  const numbers = topic('numbers', { key: 'number', value: identified })

  it('is of the row whose primary key the topic is keyed by', () => {
    const write = town.stream('write', {
      ...{ from: people, into: rows },
      select: p => ({ id: p.id, name: p.name.first, age: p.age }),
    })
    expect(keyRowOf(write)!(Buffer.from('ä'))).toEqual(['ä', null, null])
  })

  it('takes a numeric key as the number it is', () => {
    const into = table('town.numbers', { row: identified, primaryKey: ['number'] })
    const write = pipeline('town').stream('write', { from: numbers, into })
    expect(keyRowOf(write, 'number')!(Buffer.from('-42'))).toEqual([-42, null])
  })

  it.each(['', ' 42', '042', '-0', '1e3', '0x10', 'x'])('of the key %j is of no number', key => {
    const into = table('town.numbers', { row: identified, primaryKey: ['number'] })
    const toKeyRow = keyRowOf(pipeline('town').stream('write', { from: numbers, into }), 'number')!
    expect(() => toKeyRow(Buffer.from(key))).toThrow(expect.objectContaining({ code: 'RECORD_REJECTED' }))
  })

  it('has no row where the key does not say which: a key of two columns, a key computed, a map', () => {
    const twoColumns = table('town.numbers', { row: identified, primaryKey: ['number', 'name'] })
    const other = table('town.numbers', { row: identified, primaryKey: ['name'] })
    const one = { from: numbers, into: table('town.numbers', { row: identified, primaryKey: ['number'] }) }
    expect(keyRowOf(pipeline('town').stream('write', { from: numbers, into: twoColumns }), 'number')).toBeNull()
    expect(keyRowOf(pipeline('town').stream('write', { from: numbers, into: other }), 'number')).toBeNull()
    expect(keyRowOf(pipeline('town').stream('write', { ...one, map: each => each }), 'number')).toBeNull()
    const computed = town.stream('write', {
      ...{ from: people, into: rows },
      select: p => ({ id: upper(p.id), name: p.name.first, age: p.age }),
    })
    expect(keyRowOf(computed)).toBeNull()
  })
})
