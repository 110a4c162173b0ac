import { describe, expect, it } from 'vitest'
import { expressionSql } from '../../../src/adapters/spark/expression-sql.ts'
import { sparkType } from '../../../src/adapters/spark/types.ts'
import {
  and,
  cast,
  coalesce,
  concat,
  eq,
  type Fields,
  fieldsOf,
  gt,
  isNull,
  literal,
  lt,
  ne,
  nodeOf,
  not,
  or,
  trim,
  upper,
} from '../../../src/sdk/expressions.ts'
import { type Infer, t } from '../../../src/sdk/types.ts'

const record = t.record('Record', {
  name: t.text(),
  nick: t.optional(t.text()),
  select: t.text(),
  count: t.int(),
  total: t.long(),
  ratio: t.double(),
  price: t.decimal(10, 2),
  rate: t.decimal(10, 4),
  huge: t.decimal(38, 0),
  at: t.timestamp(),
  ok: t.boolean(),
  tags: t.array(t.text()),
  home: t.optional(t.record('Home', { city: t.text() })),
})

type R = Fields<Infer<typeof record>>

function sql(of: (r: R) => unknown): string {
  return expressionSql(nodeOf(of(fieldsOf(record.node))), record.node, '`value`')
}

describe('an expression as Spark SQL', () => {
  it.each<[string, (r: R) => unknown, string]>([
    ['a field', r => r.name, '`value`.`name`'],
    ['a nested field', r => r.home.city, '`value`.`home`.`city`'],
    ['a name that is a word of SQL', r => r.select, '`value`.`select`'],
    ['a text', () => literal("it's \\n"), String.raw`'it\'s \\n'`],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Spark's own way to name a setting
    ['a text that Spark would fill in', () => literal('${spark.app.name}'), String.raw`'\u0024{spark.app.name}'`],
    ['an int', () => literal(5), "CAST('5' AS INT)"],
    ['a long', () => literal(5_000_000_000), "CAST('5000000000' AS BIGINT)"],
    ['a double', () => literal(1e21), "CAST('1e+21' AS DOUBLE)"],
    ['a time', () => literal(new Date(1_500)), 'timestamp_millis(1500L)'],
    ['null', () => literal(null), 'NULL'],
    ['an int as text', r => cast(r.count, 'text'), 'CAST(`value`.`count` AS STRING)'],
    ['a double as text', r => cast(r.ratio, 'text'), 'millrace_number_text(`value`.`ratio`)'],
    ['a time as text', r => cast(r.at, 'text'), 'millrace_time_text(unix_millis(`value`.`at`))'],
    ['joined parts', r => concat(r.name, ' ', r.ok), "concat(`value`.`name`, ' ', CAST(`value`.`ok` AS STRING))"],
    ['upper case', r => upper(r.name), 'upper(`value`.`name`)'],
    [
      'the first of two numbers',
      r => coalesce(r.count, r.ratio),
      'coalesce(CAST(`value`.`count` AS DOUBLE), CAST(`value`.`ratio` AS DOUBLE))',
    ],
    [
      'numbers compared',
      r => lt(r.count, r.total),
      '(CAST(`value`.`count` AS BIGINT) < CAST(`value`.`total` AS BIGINT))',
    ],
    [
      'decimals compared',
      r => gt(r.price, r.rate),
      '(CAST(`value`.`price` AS DECIMAL(12, 4)) > CAST(`value`.`rate` AS DECIMAL(12, 4)))',
    ],
    ['texts compared', r => ne(r.name, 'x'), "(`value`.`name` != 'x')"],
    ['with null', r => eq(r.name, null), 'CAST(NULL AS BOOLEAN)'],
    [
      'logic',
      r => and(r.ok, or(not(r.ok), isNull(r.nick))),
      '(`value`.`ok` AND ((NOT `value`.`ok`) OR (`value`.`nick` IS NULL)))',
    ],
    ['logic of nothing', () => and(or(), and()), '(false AND true)'],
  ])('%s', (_what, of, expected) => {
    expect(sql(of)).toBe(expected)
  })

  it('trims what JavaScript trims', () => {
    const [, characters] = /^trim\(BOTH '(.*)' FROM `value`\.`name`\)$/s.exec(sql(r => trim(r.name)))!
    const all = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code))
    expect([...characters!].sort().join('')).toBe(
      all
        .filter(each => each.trim() === '')
        .sort()
        .join(''),
    )
  })

  it('is refused where Spark has too few digits', () => {
    expect(() => sql(r => gt(r.huge, r.price))).toThrow(expect.objectContaining({ code: 'PLAN_UNSUPPORTED' }))
  })

  it('has the types of Spark', () => {
    const of = t.record('Of', { tags: t.array(t.optional(t.uuid())), home: t.record('In', { at: t.timestamp() }) })
    expect(sparkType(of.node)).toBe('STRUCT<`tags`: ARRAY<STRING>, `home`: STRUCT<`at`: TIMESTAMP>>')
  })
})
