import { coalesce, concat, type Fields, gt, type Infer, pipeline, type Source, t, table, text, topic } from 'millrace'
import { describe, expectTypeOf, it } from 'vitest'
import { files } from '../../src/sdk/sources/files.ts'

const input = t.record('Input', {
  id: t.uuid(),
  count: t.int(),
  name: t.text(),
  nick: t.optional(t.text()),
  at: t.timestamp(),
})
const row = t.record('Row', { id: t.uuid(), label: t.text(), nick: t.optional(t.text()) })
const from: Source<Infer<typeof input>> = files({ path: 'a.ndjson', schema: input })
const into = topic('rows', { key: 'id', value: row })
const schedule = null

describe('a select', () => {
  it('gives every field of the row, as an expression or a constant', () => {
    pipeline('p').ingest('i', {
      schedule,
      from,
      select: r => ({
        id: r.id,
        label: concat(r.name, ' ', r.count),
        nick: null,
      }),
      into,
    })
  })

  it('may take a value that is never null where null is allowed', () => {
    pipeline('p').ingest('i', { schedule, from, select: r => ({ id: r.id, label: 'x', nick: r.name }), into })
  })

  it('is an error on the line of the field that has another type', () => {
    pipeline('p').ingest('i', {
      schedule,
      from,
      select: r => ({
        id: r.id,
        // @ts-expect-error
        label: r.count,
        nick: text(r.count),
      }),
      into,
    })
  })

  it('is an error on the line of the field that may be null', () => {
    pipeline('p').ingest('i', {
      schedule,
      from,
      select: r => ({
        id: r.id,
        // @ts-expect-error
        label: concat(r.name, r.nick),
        nick: coalesce(r.nick, r.name),
      }),
      into,
    })
  })

  it('is an error on the line of the field that the row does not have', () => {
    pipeline('p').ingest('i', {
      schedule,
      from,
      select: r => ({
        id: r.id,
        label: r.name,
        nick: r.nick,
        // @ts-expect-error
        extra: r.count,
      }),
      into,
    })
  })

  it('is an error on the line of the field that the record does not have', () => {
    pipeline('p').ingest('i', {
      schedule,
      from,
      select: r => ({
        id: r.id,
        // @ts-expect-error
        label: r.nmae,
        nick: r.nick,
      }),
      into,
    })
  })

  it('is an error where a field is missing', () => {
    pipeline('p').ingest('i', {
      schedule,
      from,
      // @ts-expect-error
      select: r => ({
        id: r.id,
        nick: r.nick,
      }),
      into,
    })
  })

  it('may be left out only where the record fits the row', () => {
    const rows = table('k.rows', { row, primaryKey: ['id'] })
    pipeline('p').stream('s', { from: into, into: rows })
    pipeline('p').stream('s', {
      from: topic('wide', { key: 'id', value: t.record('Wide', { ...row.fields, more: t.int() }) }),
      into: rows,
    })
    // @ts-expect-error
    pipeline('p').stream('s', { from: topic('inputs', { key: 'id', value: input }), into: rows })
  })
})

describe('a where', () => {
  it('is true or false', () => {
    const select = () => ({ id: 'a', label: 'b', nick: null })
    pipeline('p').ingest('i', { schedule, from, where: r => gt(r.count, 1), select, into })
    // @ts-expect-error
    pipeline('p').ingest('i', { schedule, from, where: r => r.name, select, into })
  })
})

describe('a map', () => {
  it('is given the record and returns the row', () => {
    pipeline('p').ingest('i', {
      schedule,
      from,
      map: record => {
        expectTypeOf(record).toEqualTypeOf<Infer<typeof input>>()
        return { id: record.id, label: record.name, nick: record.nick }
      },
      into,
    })
    pipeline('p').ingest('i', {
      schedule,
      from,
      map: r => ({
        id: r.id,
        // @ts-expect-error
        label: r.count,
        nick: r.nick,
      }),
      into,
    })
  })

  it('is synchronous', () => {
    // @ts-expect-error
    pipeline('p').ingest('i', { schedule, from, map: async r => ({ id: r.id, label: r.name, nick: r.nick }), into })
  })
})

describe('options', () => {
  it('that do not exist are errors', () => {
    pipeline('p').ingest('i', {
      schedule,
      from,
      select: r => ({ id: r.id, label: r.name, nick: r.nick }),
      // @ts-expect-error
      durtion: '60s',
      into,
    })
  })

  it('may be given by a spread that only sometimes has them', () => {
    const select = (r: Fields<Infer<typeof input>>) => ({ id: r.id, label: r.name, nick: r.nick })
    const sometimes = (limited: boolean) => (limited ? { duration: '60s' as const } : {})
    pipeline('p').ingest('i', { schedule, from, ...sometimes(true), select, into })
  })

  it('are written as what they are', () => {
    pipeline('p').ingest('i', {
      schedule,
      from,
      select: r => ({ id: r.id, label: r.name, nick: r.nick }),
      // @ts-expect-error
      duration: '60',
      into,
    })
    // @ts-expect-error
    topic('rows', { key: 'id', value: row, maxRecordBytes: '1 MB' })
  })
})

describe('a key', () => {
  it('is a field that is never null and has an exact text', () => {
    topic('rows', { key: 'label', value: row })
    // @ts-expect-error
    topic('rows', { key: 'nick', value: row })
    // @ts-expect-error
    topic('rows', { key: 'at', value: input })
    // @ts-expect-error
    topic('rows', { key: 'idd', value: row })
  })
})

describe('a primary key', () => {
  it('is made of columns that are never null', () => {
    table('k.rows', { row, primaryKey: ['id', 'label'] })
    // @ts-expect-error
    table('k.rows', { row, primaryKey: ['nick'] })
    // @ts-expect-error
    table('k.rows', { row, primaryKey: ['idd'] })
  })
})
