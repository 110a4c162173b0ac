import type { ColumnPlan, TablePlan } from '../../../../src/plan/plan.ts'

export const text = (name: string, nullable = true): ColumnPlan => ({ name, type: { kind: 'text' }, nullable })

export const usersPlan: TablePlan = {
  keyspace: 'spark_streams',
  name: 'created_users',
  columns: [{ name: 'id', type: { kind: 'uuid' }, nullable: false }, text('first_name'), text('email')],
  primaryKey: ['id'],
  appendOnly: false,
}
