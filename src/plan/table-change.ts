import type { ColumnPlan, TablePlan } from './plan.ts'

/** What stands between a planned table and one that is there. */
export interface TableChange {
  /** Columns to add, all of them nullable. */
  readonly added: readonly ColumnPlan[]
  /** Why it cannot be changed into the planned one without losing data; empty if it can. */
  readonly obstacles: readonly string[]
}

/** Only nullable columns can be added; a required column may become optional, which changes nothing that is stored. */
export function tableChange(planned: TablePlan, deployed: TablePlan): TableChange {
  const added: ColumnPlan[] = []
  const obstacles: string[] = []
  for (const column of planned.columns) {
    const existing = deployed.columns.find(({ name }) => name === column.name)
    if (existing === undefined) {
      if (column.nullable) added.push(column)
      else obstacles.push(`the new column ${column.name} is required, and the rows already there have no value for it`)
    } else if (stored(existing) !== stored(column)) {
      obstacles.push(`the column ${column.name} holds ${stored(existing)} and is declared as ${stored(column)}`)
    } else if (existing.nullable && !column.nullable) {
      obstacles.push(`the column ${column.name} may hold nulls and is declared as required`)
    }
  }
  for (const { name } of deployed.columns) {
    if (!planned.columns.some(column => column.name === name))
      obstacles.push(`the column ${name} is no longer declared`)
  }
  if (planned.primaryKey.join() !== deployed.primaryKey.join()) {
    const [now, then] = [planned.primaryKey.join(', '), deployed.primaryKey.join(', ')]
    obstacles.push(`its primary key is (${then}) and is declared as (${now})`)
  }
  if (planned.appendOnly !== deployed.appendOnly) {
    obstacles.push(`it is ${deployed.appendOnly ? '' : 'not '}append-only and is declared otherwise`)
  }
  return { added, obstacles }
}

/** Types that are stored alike are equal here: an enum is text, a decimal may get more digits before its point. */
function stored({ type }: ColumnPlan): string {
  if (type.kind === 'enum') return 'text'
  return type.kind === 'decimal' ? `decimals with ${type.scale} digits after the point` : type.kind
}
