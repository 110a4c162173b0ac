import type { ColumnPlan, StreamPlan, TablePlan } from './plan.ts'

/**
 * The column that a record's key holds, where that is the table's whole primary key: a delete of the key is then a delete
 * of that row. Null where the key alone does not say which row it is about.
 */
export function keyColumn(
  stage: Pick<StreamPlan, 'select' | 'map'>,
  keyField: string,
  table: TablePlan,
): ColumnPlan | null {
  const [name, ...more] = table.primaryKey
  if (name === undefined || more.length > 0 || stage.map !== null) return null
  const source = stage.select?.find(each => each.name === name)?.value ?? { kind: 'field', path: [name] }
  if (source.kind !== 'field' || source.path.length !== 1 || source.path[0] !== keyField) return null
  return table.columns.find(column => column.name === name) ?? null
}

/** A whole number as a record's key holds it; any other text is no key of a numeric column. */
export const wholeNumberKey = '(?:0|-?[1-9][0-9]{0,15})'
