import { MillraceError } from '../sdk/errors.ts'
import type { ColumnPlan } from './plan.ts'

/** Kinds of values that one column holds. */
export type ColumnKind = Exclude<ColumnPlan['type']['kind'], 'array' | 'record'>

/** @throws MillraceError `PLAN_UNSUPPORTED` for a column of many values. */
export function columnKind({ name, type }: ColumnPlan): ColumnKind {
  if (type.kind !== 'array' && type.kind !== 'record') return type.kind
  throw new MillraceError('PLAN_UNSUPPORTED', `Column ${name} is of type ${type.kind}; a column holds one value.`, {
    place: name,
    fix: 'Select its fields into columns of their own.',
  })
}
