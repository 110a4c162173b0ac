import { describe, expect, it } from 'vitest'
import {
  commentOf,
  declaredIn,
  descriptionOf,
  differences,
  type SchemaColumn,
  type SchemaTable,
} from '../../../src/adapters/cassandra/description.ts'
import type { ColumnPlan, TablePlan } from '../../../src/plan/plan.ts'

const plan: TablePlan = {
  keyspace: 'spark_streams',
  name: 'created_users',
  columns: [
    { name: 'id', type: { kind: 'uuid' }, nullable: false },
    { name: 'status', type: { kind: 'enum', name: 'Status', symbols: ['new', 'paid'] }, nullable: true },
    { name: 'price', type: { kind: 'decimal', precision: 10, scale: 2 }, nullable: true },
  ],
  primaryKey: ['id'],
  appendOnly: false,
}

function regular(name: string, type: string): SchemaColumn {
  return { name, kind: 'regular', position: -1, type }
}

const id: SchemaColumn = { name: 'id', kind: 'partition_key', position: 0, type: 'uuid' }

function table(columns: readonly SchemaColumn[], comment = ''): SchemaTable {
  return { keyspace: plan.keyspace, name: plan.name, comment, columns }
}

describe('a table that we made', () => {
  const columns = [regular('price', 'decimal'), id, regular('status', 'text')]

  it('is described as declared, though CQL says less', () => {
    expect(descriptionOf(table(columns, commentOf(plan)))).toEqual(plan)
  })

  it('is described as it is where others have changed it', () => {
    const changed = [id, regular('status', 'text'), regular('price', 'double'), regular('note', 'text')]
    expect(descriptionOf(table(changed, commentOf(plan))).columns).toEqual([
      ...plan.columns.slice(0, 2),
      { name: 'note', type: { kind: 'text' }, nullable: false },
      { name: 'price', type: { kind: 'double' }, nullable: false },
    ])
  })

  it('is described without a column that its comment is ahead with', () => {
    const found = descriptionOf(table([id, regular('status', 'text')], commentOf(plan)))
    expect(found.columns.map(({ name }) => name)).toEqual(['id', 'status'])
    expect(differences(plan, found)).toEqual(['the column price is missing'])
  })
})

describe('a table that others made', () => {
  const text = (name: string, nullable: boolean): ColumnPlan => ({ name, type: { kind: 'text' }, nullable })

  it('is accepted with its columns declared as required or optional', () => {
    const found = descriptionOf(table([regular('first_name', 'text'), id]))
    for (const nullable of [true, false]) {
      const declared = { ...plan, columns: [plan.columns[0]!, text('first_name', nullable)] }
      expect(differences(declared, found)).toEqual([])
    }
  })

  it('has its key in the order of CQL', () => {
    const found = descriptionOf(
      table([
        { name: 'at', kind: 'clustering', position: 0, type: 'timestamp' },
        { name: 'b', kind: 'partition_key', position: 1, type: 'bigint' },
        { name: 'a', kind: 'partition_key', position: 0, type: 'text' },
      ]),
    )
    expect(found.primaryKey).toEqual(['a', 'b', 'at'])
  })

  it.each([
    ['regular', 'list<text>', 'the column x of type list<text>'],
    ['regular', 'counter', 'the column x of type counter'],
    ['regular', 'decimal', 'the column x of type decimal'],
    ['static', 'text', 'the static column x of type text'],
  ] as const)('is refused with a column that cannot be declared: %s %s', (kind, type, reason) => {
    expect(() => descriptionOf(table([id, { name: 'x', kind, position: -1, type }]))).toThrow(reason)
  })

  it('may have any comment', () => {
    expect(declaredIn('People who signed up')).toBeNull()
    expect(declaredIn(`${commentOf(plan)}…`)).toBeNull()
  })
})
