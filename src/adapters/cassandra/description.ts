import { type ColumnPlan, type TablePlan, tableId } from '../../plan/plan.ts'
import { tableChange } from '../../plan/table-change.ts'
import type { TableDescription } from '../../ports/table.ts'
import { MillraceError } from '../../sdk/errors.ts'
import { columnOf, kindOf } from './columns.ts'

/** A table as `system_schema` has it. */
export interface SchemaTable {
  readonly keyspace: string
  readonly name: string
  readonly comment: string
  readonly columns: readonly SchemaColumn[]
}

export interface SchemaColumn {
  readonly name: string
  readonly kind: 'partition_key' | 'clustering' | 'regular' | 'static'
  /** Within the columns of its kind; -1 for those without an order. */
  readonly position: number
  /** As CQL writes it. */
  readonly type: string
}

/** What of a declaration CQL cannot say: it is kept in the table's comment. */
interface Declared {
  readonly columns: readonly ColumnPlan[]
  readonly appendOnly: boolean
}

const introduction = 'Written by Millrace, which keeps here what CQL cannot say: '

export function commentOf({ columns, appendOnly }: Declared): string {
  return introduction + JSON.stringify({ columns, appendOnly })
}

/** Null for a table that others made. */
export function declaredIn(comment: string): Declared | null {
  if (!comment.startsWith(introduction)) return null
  try {
    return JSON.parse(comment.slice(introduction.length)) as Declared
  } catch {
    return null
  }
}

/**
 * Columns are reported as declared as long as Cassandra has them with that type. Those that others made are reported by their CQL
 * type and as required: CQL has no NOT NULL, and a required column may be declared either way.
 *
 * @throws MillraceError `PLAN_INCOMPATIBLE` for a table with a column that cannot be declared, such as a list or a counter.
 */
export function descriptionOf(table: SchemaTable): TableDescription {
  const declared = declaredIn(table.comment)
  const known = (declared?.columns ?? []).filter(column =>
    table.columns.some(({ name, type }) => name === column.name && type === columnOf(column).cqlType),
  )
  const others = table.columns.filter(({ name }) => !known.some(column => column.name === name))
  return {
    keyspace: table.keyspace,
    name: table.name,
    columns: [...known, ...inOrder(others).map(column => undeclared(table, column))],
    primaryKey: inOrder(table.columns.filter(isKey)).map(({ name }) => name),
    appendOnly: declared?.appendOnly ?? false,
  }
}

export function partitionColumnCount({ columns }: SchemaTable): number {
  return columns.filter(({ kind }) => kind === 'partition_key').length
}

function isKey({ kind }: SchemaColumn): boolean {
  return kind === 'partition_key' || kind === 'clustering'
}

/** The key first, as CQL shows a table. */
function inOrder(columns: readonly SchemaColumn[]): readonly SchemaColumn[] {
  const kinds: readonly SchemaColumn['kind'][] = ['partition_key', 'clustering', 'static', 'regular']
  return columns.toSorted(
    (a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || a.position - b.position || (a.name < b.name ? -1 : 1),
  )
}

function undeclared(table: SchemaTable, { name, kind, type }: SchemaColumn): ColumnPlan {
  const found = kind === 'static' ? null : kindOf(type)
  if (found !== null) return { name, type: found, nullable: false }
  throw new MillraceError(
    'PLAN_INCOMPATIBLE',
    `${tableId(table)} has the ${kind === 'static' ? 'static ' : ''}column ${name} of type ${type}, which cannot be declared.`,
    { place: `${tableId(table)}.${name}`, fix: 'Declare a table of another name.' },
  )
}

/** What keeps rows of the planned table from being written to the one that is there. */
export function differences(planned: TablePlan, found: TableDescription): readonly string[] {
  const { added, obstacles } = tableChange(planned, found)
  return [...added.map(({ name }) => `the column ${name} is missing`), ...obstacles]
}

export function tableUnknown(table: Pick<TablePlan, 'keyspace' | 'name'>): MillraceError {
  return new MillraceError('TABLE_UNKNOWN', `There is no table ${tableId(table)}.`, {
    place: tableId(table),
    fix: 'Create it with `millrace apply`.',
  })
}

export function incompatible(table: Pick<TablePlan, 'keyspace' | 'name'>, reason: string): MillraceError {
  return new MillraceError('PLAN_INCOMPATIBLE', `${tableId(table)}: ${reason}.`, {
    place: tableId(table),
    fix: 'Only columns that take null can be added; for another change declare a table of another name.',
  })
}

/** Of the planned columns those that have yet to be added. @throws MillraceError `PLAN_INCOMPATIBLE`. */
export function newColumns(
  plan: TablePlan,
  columns: readonly ColumnPlan[],
  found: TableDescription,
): readonly ColumnPlan[] {
  return columns.filter(column => {
    const there = found.columns.find(({ name }) => name === column.name)
    if (there === undefined) {
      if (!column.nullable) throw incompatible(plan, `the column ${column.name} does not take null`)
      return true
    }
    if (columnOf(there).cqlType !== columnOf(column).cqlType) {
      throw incompatible(plan, `the column ${column.name} exists and is ${there.type.kind}`)
    }
    return false
  })
}
