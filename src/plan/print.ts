import type { ExpressionNode } from '../sdk/nodes.ts'
import type { Step } from './diff.ts'
import { type Plan, stageId } from './plan.ts'

const signs: { readonly [A in Step['action']]: string } = { create: '+', change: '~', keep: '=', refuse: '✗' }

/** The stages of a plan and, one line each, the steps that applying it takes. Ends without a newline. */
export function printPlan(plan: Plan, steps: readonly Step[]): string {
  const width = Math.max(...steps.map(step => step.kind.length))
  const lines = steps.map(({ action, kind, name, details }) =>
    `  ${signs[action]} ${kind.padEnd(width)}  ${name}${details.length === 0 ? '' : `  ${details.join(', ')}`}`.trimEnd(),
  )
  const fixes = steps.flatMap(({ error }) => (error === undefined ? [] : [`  ${error.message}`, `    ${error.fix}`]))
  return [printStages(plan), '', ...lines, '', ...fixes, summary(steps)].join('\n')
}

/** Which stage reads what and writes where, and how each field is computed. */
export function printStages(plan: Plan): string {
  return plan.stages
    .flatMap(stage => [
      `${stageId(stage)}: ${stage.kind === 'ingest' ? stage.source.name : stage.from} → ${stage.into}`,
      ...(stage.where === null ? [] : [`  where ${printExpression(stage.where)}`]),
      ...(stage.map === null ? [] : [`  map() at ${stage.map.place ?? 'an unknown place'}`]),
      ...(stage.select ?? []).map(({ name, value }) => `  ${name} = ${printExpression(value)}`),
    ])
    .join('\n')
}

/** As it would be written in a pipeline file: `concat(name.first, " ", name.last)`. */
export function printExpression(node: ExpressionNode): string {
  switch (node.kind) {
    case 'field':
      return node.path.join('.') || 'record'
    case 'literal':
      return JSON.stringify(node.value)
    case 'concat':
      return call(node.kind, node.parts)
    case 'coalesce':
    case 'and':
    case 'or':
      return call(node.kind, node.of)
    case 'cast':
      return `cast(${printExpression(node.of)}, "${node.to}")`
    case 'upper':
    case 'lower':
    case 'trim':
    case 'not':
    case 'isNull':
      return call(node.kind, [node.of])
    default:
      return call(node.kind, [node.left, node.right])
  }
}

function call(name: string, operands: readonly ExpressionNode[]): string {
  return `${name}(${operands.map(printExpression).join(', ')})`
}

function summary(steps: readonly Step[]): string {
  const count = (action: Step['action']) => steps.filter(step => step.action === action).length
  if (count('refuse') > 0) return `${count('refuse')} refused: nothing will be changed.`
  if (count('create') + count('change') === 0) return 'Everything is as declared.'
  return `${count('create')} to create, ${count('change')} to change, ${count('keep')} as declared.`
}
