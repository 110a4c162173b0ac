import { type TablePlan, tableId } from '../../../plan/plan.ts'
import type { TableDescription } from '../../../ports/table.ts'
import { MillraceError } from '../../../sdk/errors.ts'

export function descriptionOf({ keyspace, name, columns, primaryKey, appendOnly }: TablePlan): TableDescription {
  return { keyspace, name, columns, primaryKey, appendOnly }
}

/** What keeps rows of `planned` from being written to the table that is there; the order of columns does not. */
export function differences(planned: TableDescription, found: TableDescription): readonly string[] {
  const reasons: string[] = []
  for (const column of planned.columns) {
    const there = found.columns.find(each => each.name === column.name)
    if (there === undefined) reasons.push(`column ${column.name} is missing`)
    else if (there.type.kind !== column.type.kind) {
      reasons.push(`column ${column.name} is ${there.type.kind}, planned ${column.type.kind}`)
    } else if (there.nullable !== column.nullable) {
      reasons.push(`column ${column.name} ${there.nullable ? 'takes' : 'does not take'} null, planned the opposite`)
    }
  }
  for (const { name } of found.columns) {
    if (!planned.columns.some(column => column.name === name)) reasons.push(`column ${name} is not in the plan`)
  }
  if (planned.primaryKey.join() !== found.primaryKey.join()) {
    reasons.push(`its primary key is ${found.primaryKey.join(', ')}, planned ${planned.primaryKey.join(', ')}`)
  }
  if (planned.appendOnly !== found.appendOnly) {
    reasons.push(`it is ${found.appendOnly ? '' : 'not '}append-only, planned the opposite`)
  }
  return reasons
}

export function tableUnknown(table: Pick<TablePlan, 'keyspace' | 'name'>): MillraceError {
  return new MillraceError('TABLE_UNKNOWN', `There is no table ${tableId(table)}.`, {
    place: tableId(table),
    fix: 'Create it with `millrace apply`.',
  })
}
