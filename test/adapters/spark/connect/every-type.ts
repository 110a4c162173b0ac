/** A query with a column of every type, in three rows: values, values at the edge, nulls. */
export const everyType = `
  SELECT * FROM VALUES
    (true, 1Y, 1S, 1, 1L, 1.5F, 1.5D, 12.50BD, 'text', X'00FF', DATE'2026-03-01', TIMESTAMP'2026-03-01 10:00:00.123456',
     TIMESTAMP_NTZ'2026-03-01 10:00:00', INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 02:03:04.5' DAY TO SECOND,
     make_interval(1, 2, 0, 3, 0, 0, 4.5), array(1, null, 3), map('a', 1, 'b', null), named_struct('x', 1, 'y', 'z'),
     array(named_struct('m', map('k', array(1.1BD)))), parse_json('{"a":1}'), null),
    (false, -128Y, -32768S, -2147483648, -9223372036854775808L, float('NaN'), double('-Infinity'), -0.01BD, 'Grüße 🌍', X'',
     DATE'0001-01-01', TIMESTAMP'1582-10-15 00:00:00.000001', TIMESTAMP_NTZ'9999-12-31 23:59:59.999999',
     INTERVAL '-0-1' YEAR TO MONTH, INTERVAL '-0 00:00:00.000001' DAY TO SECOND, make_interval(0, -1, 0, -1, 0, 0, -1), array(),
     map(), named_struct('x', null, 'y', ''), array(), parse_json('null'), null),
    (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)
  AS every_type(a_boolean, a_tinyint, a_smallint, an_int, a_bigint, a_float, a_double, a_decimal, a_string, a_binary, a_date,
    a_timestamp, a_timestamp_ntz, some_months, a_duration, an_interval, an_array, a_map, a_struct, nested, a_variant, nothing)`

const columns =
  'a_boolean a_tinyint a_smallint an_int a_bigint a_float a_double a_decimal a_string a_binary a_date a_timestamp ' +
  'a_timestamp_ntz some_months a_duration an_interval an_array a_map a_struct nested a_variant nothing'

/** What it gives. */
export const everyRow = [
  {
    ...{ a_boolean: true, a_tinyint: 1, a_smallint: 1, an_int: 1, a_bigint: 1n, a_float: 1.5, a_double: 1.5 },
    ...{ a_decimal: '12.50', a_string: 'text', a_binary: Uint8Array.of(0, 255), a_date: '2026-03-01' },
    ...{ a_timestamp: '2026-03-01T10:00:00.123456Z', a_timestamp_ntz: '2026-03-01T10:00:00.000000' },
    ...{ some_months: 14, a_duration: 93_784_500_000n },
    an_interval: { months: 14, days: 3, nanoseconds: 4_500_000_000n },
    an_array: [1, null, 3],
    a_map: new Map([
      ['a', 1],
      ['b', null],
    ]),
    a_struct: { x: 1, y: 'z' },
    nested: [{ m: new Map([['k', ['1.1']]]) }],
    a_variant: { value: Uint8Array.of(2, 1, 0, 0, 2, 12, 1), metadata: Uint8Array.of(1, 1, 0, 1, 97) },
    nothing: null,
  },
  {
    ...{ a_boolean: false, a_tinyint: -128, a_smallint: -32_768, an_int: -(2 ** 31), a_bigint: -(2n ** 63n) },
    ...{ a_float: Number.NaN, a_double: Number.NEGATIVE_INFINITY, a_decimal: '-0.01', a_string: 'Grüße 🌍' },
    ...{ a_binary: new Uint8Array(), a_date: '0001-01-01', a_timestamp: '1582-10-15T00:00:00.000001Z' },
    ...{ a_timestamp_ntz: '9999-12-31T23:59:59.999999', some_months: -1, a_duration: -1n },
    an_interval: { months: -1, days: -1, nanoseconds: -1_000_000_000n },
    an_array: [],
    a_map: new Map(),
    a_struct: { x: null, y: '' },
    nested: [],
    a_variant: { value: Uint8Array.of(0), metadata: Uint8Array.of(1, 0, 0) },
    nothing: null,
  },
  Object.fromEntries(columns.split(' ').map(name => [name, null])),
]
