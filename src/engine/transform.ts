import { compileExpression, compileSelect } from '../plan/evaluate.ts'
import { keyColumn, wholeNumberKey } from '../plan/key-column.ts'
import type { IngestPlan, StreamPlan, TablePlan } from '../plan/plan.ts'
import { MillraceError } from '../sdk/errors.ts'
import type { RecordNode } from '../sdk/nodes.ts'
import { compileParser } from '../sdk/parse.ts'
import { invalidRecord } from './invalid-record.ts'

type AnyRecord = { readonly [field: string]: unknown }

/** A function given to `map` in the pipeline file. */
export type MapFunction = (record: never) => unknown

/** The output record, or null where `where` leaves the input out. @throws MillraceError `MAP_FAILED`, `RECORD_INVALID`. */
export type Transform = (record: AnyRecord) => AnyRecord | null

/**
 * A stage's `where`, `select` and `map` as one function. What `select` gives has been type-checked by the plan; what
 * `map` gives has not, so it is checked here.
 */
export function compileTransform(
  stage: Pick<IngestPlan | StreamPlan, 'where' | 'select' | 'map'>,
  map: MapFunction | null,
  input: RecordNode,
  output: RecordNode,
): Transform {
  const accepts = stage.where === null ? null : compileExpression(stage.where, input)
  const build = compileBuild(stage, map, input, output)
  if (accepts === null) return build
  return record => (accepts(record) === true ? build(record) : null)
}

function compileBuild(
  { select, map: declared }: Pick<IngestPlan | StreamPlan, 'select' | 'map'>,
  map: MapFunction | null,
  input: RecordNode,
  output: RecordNode,
): (record: AnyRecord) => AnyRecord {
  if (declared !== null) return checkedMap(map, declared.place, output)
  return select === null ? record => record : compileSelect(select, input)
}

function checkedMap(
  map: MapFunction | null,
  place: string | null,
  output: RecordNode,
): (record: AnyRecord) => AnyRecord {
  if (map === null) throw new MillraceError('INVARIANT_BROKEN', 'The plan has a map() but its function was not given.')
  const parse = compileParser(output)
  return record => {
    let result: unknown
    try {
      result = map(record as never)
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new MillraceError('MAP_FAILED', `map() threw: ${message}`, { ...(place === null ? {} : { place }), cause })
    }
    const parsed = parse(result)
    if (parsed.issues !== undefined) throw invalidRecord(parsed.issues, 'What map() returned')
    return parsed.value as AnyRecord
  }
}

/** A record's values in the order of the table's columns. */
export function compileRow(table: TablePlan): (record: AnyRecord) => unknown[] {
  const names = table.columns.map(column => column.name)
  return record => names.map(name => record[name] ?? null)
}

/**
 * The row a delete of this key is about; null where the key alone does not say which row that is. The function throws
 * `RECORD_REJECTED` for what is no key of the column.
 */
export function compileKeyRow(
  stage: Pick<StreamPlan, 'select' | 'map'>,
  keyField: string,
  table: TablePlan,
): ((key: Uint8Array) => unknown[]) | null {
  const column = keyColumn(stage, keyField, table)
  if (column === null) return null
  const numeric = column.type.kind === 'int' || column.type.kind === 'long'
  return key => {
    const text = Buffer.from(key).toString()
    if (numeric && !wholeNumber.test(text)) {
      throw new MillraceError('RECORD_REJECTED', 'The record deletes a key that is no whole number.')
    }
    const value = numeric ? Number(text) : text
    return table.columns.map(({ name }) => (name === column.name ? value : null))
  }
}

const wholeNumber = new RegExp(`^${wholeNumberKey}$`)
