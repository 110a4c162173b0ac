import { describe, expect, it } from 'vitest'
import orders from '../../pipelines/orders.ts'
import users from '../../pipelines/users.ts'
import { compile } from '../../src/plan/compile.ts'
import { PlanInvalid } from '../../src/plan/faults.ts'
import { coalesce, concat, eq, type Fields, upper } from '../../src/sdk/expressions.ts'
import { type Pipeline, pipeline } from '../../src/sdk/pipeline.ts'
import { files } from '../../src/sdk/sources/files.ts'
import { table } from '../../src/sdk/table.ts'
import { topic } from '../../src/sdk/topic.ts'
import { type Infer, t } from '../../src/sdk/types.ts'

const input = t.record('Input', {
  id: t.uuid(),
  first_name: t.text(),
  nick: t.optional(t.text()),
  count: t.int(),
  price: t.decimal(10, 2),
  tags: t.array(t.text()),
  home: t.optional(t.record('Home', { city: t.text() })),
})
const row = t.record('Row', { id: t.uuid(), name: t.text() })
const source = files({ path: 'input.ndjson', schema: input })
const rows = topic('rows', { key: 'id', value: row })
const stored = table('shop.rows', { row, primaryKey: ['id'] })
const daily = { schedule: '@daily', from: source, into: rows } as const

/** Each fault as `code place: message fix`. */
function faultsOf(declared: Pipeline): readonly string[] {
  try {
    compile(declared)
  } catch (error) {
    if (!(error instanceof PlanInvalid)) throw error
    return error.faults.map(({ code, place, message, fix }) => `${code} ${place}: ${message} ${fix}`)
  }
  return []
}

// biome-ignore lint/suspicious/noExplicitAny: these are declarations that TypeScript refuses, and JavaScript can make
type Untyped = any
const untyped = (options: object): Untyped => options

describe('the users pipeline', () => {
  const plan = compile(users)

  it('is plain JSON, and the same every time', () => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
    expect(JSON.stringify(compile(users))).toBe(JSON.stringify(plan))
  })

  it('keeps the names of the seed', () => {
    expect(plan.dags).toMatchObject([
      {
        id: 'user_automation',
        schedule: '0 0 * * *',
        scheduleText: '@daily',
        catchup: false,
        task: { id: 'stream_data_from_api', stage: 'users/user_automation', attempts: 3, timeoutMs: 360_000 },
      },
    ])
    expect(plan.topics).toMatchObject([
      { name: 'users_created', subject: 'users_created-value', key: 'id', deadLetterTopic: 'users_created.dlq' },
    ])
    expect(plan.tables).toMatchObject([{ keyspace: 'spark_streams', name: 'created_users', primaryKey: ['id'] }])
    expect(plan.tables[0]?.columns.map(({ name, type }) => `${name} ${type.kind}`)).toEqual([
      'id uuid',
      'first_name text',
      'last_name text',
      'gender text',
      'address text',
      'post_code text',
      'email text',
      'username text',
      'dob text',
      'registered_date text',
      'phone text',
      'picture text',
    ])
    expect(plan.stages).toMatchObject([
      { kind: 'ingest', name: 'user_automation', into: 'users_created', durationMs: 60_000 },
      {
        kind: 'stream',
        name: 'spark_stream',
        group: 'users.spark_stream',
        from: 'users_created',
        into: 'spark_streams.created_users',
      },
    ])
  })

  it('says where each column comes from', () => {
    const to = (field: string) => plan.lineage.filter(edge => edge.to === field).map(({ from }) => from)
    expect(to('users_created.id')).toEqual(['randomuser.login.uuid'])
    expect(to('users_created.address')).toEqual(
      ['street.number', 'street.name', 'city', 'state', 'country'].map(field => `randomuser.location.${field}`),
    )
    expect(to('spark_streams.created_users.address')).toEqual(['users_created.address'])
  })
})

describe('the orders pipeline', () => {
  const plan = compile(orders)

  it('has a column for each kind of value', () => {
    expect(plan.tables[0]?.columns.map(({ type, nullable }) => type.kind + (nullable ? '?' : ''))).toEqual([
      'long',
      'timestamp',
      'enum',
      'text',
      'text?',
      'decimal',
      'text',
      'boolean',
    ])
  })

  it('reads a where', () => {
    const { where } = plan.stages[1]!
    expect(where).toMatchObject({ kind: 'or', of: [{ kind: 'field', path: ['express'] }, { kind: 'gte' }] })
  })
})

describe('options of an ingest', () => {
  it('have defaults', () => {
    const { dags, stages } = compile(pipeline('p').ingest('i', { ...daily, schedule: null, select: pick }))
    expect(dags[0]).toEqual({
      id: 'i',
      pipeline: 'p',
      schedule: null,
      scheduleText: null,
      catchup: false,
      startDate: null,
      task: { id: 'i', stage: 'p/i', attempts: 3, retryDelayMs: 10_000, timeoutMs: 3_600_000 },
    })
    expect(stages[0]).toMatchObject({ durationMs: null, where: null, map: null })
  })

  it('are kept in UTC', () => {
    const { dags } = compile(
      pipeline('p').ingest('i', {
        ...daily,
        schedule: '30 6 * * MON-FRI',
        startDate: '2026-03-01T01:00:00+01:00',
        select: pick,
      }),
    )
    expect(dags[0]).toMatchObject({ schedule: '30 6 * * MON-FRI', startDate: '2026-03-01T00:00:00.000Z' })
  })
})

const pick = (r: Fields<Infer<typeof input>>) => ({ id: r.id, name: r.first_name })

describe('map', () => {
  const mapped = pipeline('p').stream('s', { from: rows, into: stored, map: record => ({ ...record }) })

  it('is in the plan as the place of its stage, and as a function in the declaration only', () => {
    const { stages } = compile(mapped)
    expect(stages[0]?.map?.place).toMatch(/^test\/plan\/compile\.test\.ts:\d+$/)
    expect(mapped.stages[0]?.map).toBeInstanceOf(Function)
    expect(JSON.parse(JSON.stringify(stages))).toEqual(stages)
  })

  it('has every field of the row come from the whole record', () => {
    expect(compile(mapped).lineage).toEqual([
      { from: 'rows.*', to: 'shop.rows.id', stage: 'p/s' },
      { from: 'rows.*', to: 'shop.rows.name', stage: 'p/s' },
    ])
  })
})

describe('values of another type that hold the same', () => {
  const wide = t.record('Wide', {
    id: t.text(),
    count: t.double(),
    price: t.decimal(12, 2),
    nick: t.text(),
    status: t.enum('Both', ['new', 'paid']),
  })
  const narrow = t.record('Narrow', {
    id: t.uuid(),
    count: t.int(),
    price: t.decimal(10, 2),
    nick: t.optional(t.text()),
    status: t.enum('One', ['new']),
  })
  const [small, large] = [topic('small', { key: 'id', value: narrow }), topic('large', { key: 'id', value: wide })]

  it('fit', () => {
    const declared = pipeline('p').stream('s', {
      from: small,
      into: table('k.wide', { row: wide, primaryKey: ['id'] }),
      select: r => ({ ...r, nick: coalesce(r.nick, 'none') }),
    })
    expect(faultsOf(declared)).toEqual([])
  })

  it('do not fit the other way round', () => {
    const declared = pipeline('p').stream(
      's',
      untyped({ from: large, into: table('k.narrow', { row: narrow, primaryKey: ['id'] }) }),
    )
    expect(faultsOf(declared).map(fault => fault.slice(0, fault.indexOf(' does')))).toEqual(
      ['id', 'count', 'price', 'status'].map(field => `TYPE_MISMATCH p › s: ${field}`),
    )
  })

  it('do not fit with another scale, which would change the text of a decimal', () => {
    const scaled = t.record('Scaled', { id: t.uuid(), price: t.decimal(12, 3) })
    const declared = pipeline('p').stream('s', { from: small, into: table('k.s', { row: scaled, primaryKey: ['id'] }) })
    expect(faultsOf(declared)).toHaveLength(1)
  })
})

describe('constants in a select', () => {
  const exact = t.record('Exact', {
    id: t.uuid(),
    price: t.decimal(10, 2),
    at: t.timestamp(),
    note: t.optional(t.text()),
  })
  const into = table('shop.exact', { row: exact, primaryKey: ['id'] })
  const from = topic('rows', { key: 'id', value: row })

  it('become values of the column', () => {
    const at = new Date('2026-03-01T00:00:00Z')
    const { stages } = compile(
      pipeline('p').stream('s', { from, into, select: r => ({ id: r.id, price: '12.5', at, note: null }) }),
    )
    expect(stages[0]?.select?.map(({ value }) => value)).toEqual([
      { kind: 'field', path: ['id'] },
      { kind: 'literal', value: '12.50', type: { kind: 'decimal', precision: 10, scale: 2 } },
      { kind: 'literal', value: '2026-03-01T00:00:00.000Z', type: { kind: 'timestamp' } },
      { kind: 'literal', value: null },
    ])
  })

  it('are refused where the column cannot hold them', () => {
    const declared = pipeline('p').stream('s', {
      from,
      into,
      select: r => ({ id: r.id, price: '12.505', at: new Date(0), note: null }),
    })
    expect(faultsOf(declared)).toEqual([
      'TYPE_MISMATCH p › s › select.price: price does not fit: it is text, and a decimal of at most 8 digits before the point and 2 after is needed. Declare both with one type.',
    ])
  })
})

describe('faults', () => {
  it('are all reported at once, each with its code, place and fix', () => {
    const declared = pipeline('Shop')
      .ingest('import', {
        ...untyped({
          from: source,
          into: rows,
          schedule: '@dialy',
          duration: '60',
          select: (r: Record<string, never>) => ({ id: r.idd, nmae: r.first_name }),
        }),
      })
      .stream('store', { from: rows, into: table('rows', { row, primaryKey: ['id'] }) })
    expect(faultsOf(declared)).toEqual([
      'NAME_INVALID Shop: "Shop" cannot be the name of a pipeline. Use lower-case letters, digits, _ and -, starting with a letter, at most 200.',
      'FIELD_UNKNOWN Shop › import › select.nmae: Row has no field nmae. Did you mean name?',
      'FIELD_UNKNOWN Shop › import › select.id: Input has no field idd. Did you mean id?',
      'FIELD_MISSING Shop › import › select.name: Row has the field name, which is not selected. Select it: it needs text.',
      'SCHEDULE_INVALID Shop › import › schedule: "@dialy" is not a schedule: there is no such preset. Use @hourly, @daily, @weekly, @monthly, @yearly, or five fields such as "30 6 * * 1-5" (minute hour day month weekday).',
      'DURATION_INVALID Shop › import › duration: "60" is not a duration. Write it as 500ms, 60s, 5m, 24h or 7d.',
      'NAME_INVALID Shop › table rows: "rows" cannot be the name of a table. Write keyspace.table, each of lower-case letters, digits and _, at most 48.',
    ])
  })

  it.each<[string, Pipeline, string]>([
    ['a pipeline without stages', pipeline('p'), 'PIPELINE_INVALID p: '],
    [
      'an unknown nested field',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: r.home.citty }) }),
      'FIELD_UNKNOWN p › i › select.name: Home has no field home.citty. Did you mean city?',
    ],
    [
      'a field of what is no record',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: r.first_name.length }) }),
      'FIELD_UNKNOWN p › i › select.name: first_name is text and has no field length. Use first_name itself.',
    ],
    [
      'a null where a value is needed',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: r.nick }) }),
      'TYPE_MISMATCH p › i › select.name: name does not fit: it may be null, and text is needed. Use coalesce(…, a default), or declare the field as t.optional(…).',
    ],
    [
      'a null from behind an optional record',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: concat(r.first_name, r.home.city) }) }),
      'TYPE_MISMATCH p › i › select.name: name does not fit: it may be null',
    ],
    [
      'a number where text is needed',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: r.count }) }),
      'TYPE_MISMATCH p › i › select.name: name does not fit: it is a whole number of 32 bits, and text is needed. Use cast(…, "text").',
    ],
    [
      'text where a UUID is needed',
      ingest({ select: (r: Untyped) => ({ id: r.first_name, name: r.first_name }) }),
      'TYPE_MISMATCH p › i › select.id: id does not fit: it is text, and a UUID is needed. ',
    ],
    [
      'a record where text is needed',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: coalesce(r.home, 'none') }) }),
      'TYPE_MISMATCH p › i › select.name: ',
    ],
    [
      'a text function on a number',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: upper(r.count) }) }),
      'TYPE_MISMATCH p › i › select.name: upper() takes text, found a whole number of 32 bits. Use cast(…, "text") first.',
    ],
    [
      'an array in concat',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: concat(r.tags) }) }),
      'TYPE_MISMATCH p › i › select.name: concat() takes single values, found an array.',
    ],
    [
      'a comparison of two kinds',
      ingest({ where: (r: Untyped) => eq(r.count, r.price), select: pick }),
      'TYPE_MISMATCH p › i › where: eq() compares a whole number of 32 bits with a decimal of at most 8 digits',
    ],
    [
      'a where that is not true or false',
      ingest({ where: (r: Untyped) => r.count, select: pick }),
      'TYPE_MISMATCH p › i › where: It is a whole number of 32 bits, and true or false is needed.',
    ],
    [
      'an operator on an expression',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: `${r.first_name}!` }) }),
      'TYPE_MISMATCH p › i › select: An expression is not a value yet, so neither + nor < nor a template literal can use it. Use concat(…) to join',
    ],
    [
      'what is no expression at all',
      ingest({ select: (r: Untyped) => ({ id: r.id, name: { first: 'a' } }) }),
      'TYPE_MISMATCH p › i › select.name: Found object where an expression or a constant is needed.',
    ],
    [
      'a select that throws',
      ingest({
        select: () => {
          throw new Error('oh no')
        },
      }),
      'PIPELINE_INVALID p › i › select: oh no',
    ],
    [
      'select and map together',
      ingest({ select: pick, map: (r: unknown) => r }),
      'PIPELINE_INVALID p › i: The stage has both',
    ],
    [
      'neither select nor map where the records differ',
      ingest({}),
      'FIELD_MISSING p › i: Row has the field name, and Input has not. Add a select',
    ],
    ['a bad cron', ingest({ schedule: '61 * * * *', select: pick }), 'SCHEDULE_INVALID p › i › schedule: '],
    ['a broken start date', ingest({ startDate: 'monday', select: pick }), 'SCHEDULE_INVALID p › i › startDate: '],
    [
      'no attempts',
      ingest({ attempts: 0, select: pick }),
      'PIPELINE_INVALID p › i › attempts: 0 is out of range. Give a whole number from 1 to 100.',
    ],
    [
      'a timeout within the duration',
      ingest({ duration: '5m', timeout: '1m', select: pick }),
      'DURATION_INVALID p › i › timeout: ',
    ],
    ['a bad stage name', pipeline('p').stream('Store!', { from: rows, into: stored }), 'NAME_INVALID p › Store!: '],
    [
      'two stages of one name',
      pipeline('p').stream('s', { from: rows, into: stored }).stream('s', { from: rows, into: stored }),
      'NAME_DUPLICATE p › s: Two stages are named s.',
    ],
    [
      'a topic declared in two ways',
      pipeline('p')
        .stream('a', { from: rows, into: stored })
        .stream('b', { from: topic('rows', { key: 'id', value: row, partitions: 9 }), into: stored }),
      'NAME_DUPLICATE p › b: The topic rows is declared twice, in different ways.',
    ],
    [
      'a topic name with a space',
      from(topic('my rows', { key: 'id', value: row })),
      'NAME_INVALID p › topic my rows: ',
    ],
    [
      'a key that is no field',
      from(topic('rows', { ...untyped({ key: 'idd' }), value: row })),
      'FIELD_UNKNOWN p › topic rows › key: Row has no field idd. Did you mean id?',
    ],
    [
      'too many partitions',
      from(topic('rows', { key: 'id', value: row, partitions: 5000 })),
      'PIPELINE_INVALID p › topic rows › partitions: ',
    ],
    [
      'a bad retention',
      from(topic('rows', { ...untyped({ retention: 'ever' }), key: 'id', value: row })),
      'DURATION_INVALID p › topic rows › retention: ',
    ],
    [
      'a bad size',
      from(topic('rows', { ...untyped({ maxRecordBytes: 'big' }), key: 'id', value: row })),
      'DURATION_INVALID p › topic rows › maxRecordBytes: ',
    ],
    [
      'a topic that is the dead-letter topic of another',
      pipeline('p')
        .stream('a', { from: rows, into: stored })
        .stream('b', { from: topic('rows.dlq', { key: 'id', value: row }), into: stored }),
      'NAME_DUPLICATE p › topic rows.dlq: ',
    ],
    [
      'a keyspace that databases keep',
      into(table('main.rows', { row, primaryKey: ['id'] })),
      'NAME_INVALID p › table main.rows: ',
    ],
    [
      'an empty primary key',
      into(table('k.rows', { row, primaryKey: [] })),
      'PIPELINE_INVALID p › table k.rows › primaryKey: ',
    ],
    [
      'a primary key that is no column',
      into(table('k.rows', { row, ...untyped({ primaryKey: ['nam'] }) })),
      'FIELD_UNKNOWN p › table k.rows › primaryKey: The row has no column nam. Did you mean name?',
    ],
    [
      'a primary key with a column twice',
      into(table('k.rows', { row, primaryKey: ['id', 'id'] })),
      'NAME_DUPLICATE p › table k.rows › primaryKey: ',
    ],
  ])('report %s', (_, declared, fault) => {
    const faults = faultsOf(declared)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(fault)
  })

  it('report a key and a primary key of the wrong type', () => {
    const odd = t.record('Odd', {
      nick: t.optional(t.text()),
      size: t.double(),
      tags: t.array(t.text()),
      home: input.fields.home,
    })
    const declared = pipeline('p').stream('s', {
      from: topic('odd', { ...untyped({ key: 'nick' }), value: odd }),
      into: table('k.odd', { row: odd, ...untyped({ primaryKey: ['nick', 'size'] }) }),
    })
    expect(faultsOf(declared)).toEqual([
      'TYPE_MISMATCH p › topic odd › key: nick is optional, which cannot be a key. Use a field that is text, uuid, enum, int or long, and not optional.',
      'TYPE_MISMATCH p › table k.odd › row.tags: tags is an array, which cannot be a column. Leave it out of the row, or turn it into text in map().',
      'TYPE_MISMATCH p › table k.odd › row.home: home is a record, which cannot be a column. Give the row a column for each of its fields that matters, and select them: city: record.home.city.',
      'TYPE_MISMATCH p › table k.odd › primaryKey: nick is optional, so it cannot be in the primary key. Make it required.',
      'TYPE_MISMATCH p › table k.odd › primaryKey: size is a double, which does not compare exactly. Use a decimal or long.',
    ])
  })

  it('report two types of one name in one topic', () => {
    const clash = t.record('Clash', { id: t.int(), a: t.enum('Same', ['x']), b: t.enum('Same', ['y']) })
    const declared = pipeline('p').stream('s', {
      from: topic('clash', { key: 'id', value: clash }),
      into: table('k.clash', { row: clash, primaryKey: ['id'] }),
    })
    expect(faultsOf(declared)).toEqual([
      'NAME_DUPLICATE p › topic clash › value: Two different types are named Same. Rename one of them.',
    ])
  })

  it('report columns that differ only in case', () => {
    const cases = t.record('Cases', { id: t.int(), Name: t.text(), name: t.text() })
    const declared = pipeline('p').stream('s', {
      from: topic('cases', { key: 'id', value: cases }),
      into: table('k.cases', { row: cases, primaryKey: ['id'] }),
    })
    expect(faultsOf(declared)).toEqual([
      'NAME_DUPLICATE p › table k.cases › row: The columns Name and name differ only in case. Rename one; databases ignore the case of a column.',
    ])
  })
})

function ingest(options: object): Pipeline {
  return pipeline('p').ingest('i', untyped({ ...daily, ...options }))
}

function from(declared: ReturnType<typeof topic>): Pipeline {
  return pipeline('p').stream('s', untyped({ from: declared, into: stored }))
}

function into(declared: ReturnType<typeof table>): Pipeline {
  return pipeline('p').stream('s', untyped({ from: rows, into: declared }))
}
