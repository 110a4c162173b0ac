import type { ExpressionNode, RecordNode } from '../sdk/nodes.ts'
import type { LineageEdge } from './plan.ts'
import type { TransformPlan } from './transform.ts'

/** Which fields of the output are computed from which of the input; after a `map`, each from the whole record (`*`). */
export function lineageOf(
  stage: string,
  from: string,
  into: string,
  transform: TransformPlan,
  output: RecordNode,
): readonly LineageEdge[] {
  const edge = (source: string, target: string) => ({ from: `${from}.${source}`, to: `${into}.${target}`, stage })
  const { select, map } = transform
  if (map !== null) return output.fields.map(({ name }) => edge('*', name))
  if (select === null) return output.fields.map(({ name }) => edge(name, name))
  return select.flatMap(({ name, value }) => fieldsIn(value).map(field => edge(field, name)))
}

/** The paths of the fields an expression reads, each once, in order of appearance; `*` for the whole record. */
export function fieldsIn(node: ExpressionNode): readonly string[] {
  return [...new Set(paths(node))]
}

function paths(node: ExpressionNode): readonly string[] {
  switch (node.kind) {
    case 'field':
      return [node.path.join('.') || '*']
    case 'literal':
      return []
    case 'concat':
      return node.parts.flatMap(paths)
    case 'coalesce':
    case 'and':
    case 'or':
      return node.of.flatMap(paths)
    case 'eq':
    case 'ne':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return [...paths(node.left), ...paths(node.right)]
    default:
      return paths(node.of)
  }
}
