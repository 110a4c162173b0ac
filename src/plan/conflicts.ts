import { MillraceError } from '../sdk/errors.ts'
import { type Plan, tableId } from './plan.ts'

/**
 * What keeps several pipelines from living in one target: two pipelines or DAGs of one name, or a topic or table that
 * they declare in different ways. Each is a `NAME_DUPLICATE` that names both pipelines; empty if there is none.
 */
export function conflicts(plans: readonly Plan[]): readonly MillraceError[] {
  const known = new Map<string, { readonly pipeline: string; readonly definition: string | null }>()
  const found: MillraceError[] = []

  /** A definition of null is never shared, however alike. */
  const declare = (kind: string, name: string, pipeline: string, definition: unknown) => {
    const text = definition === null ? null : JSON.stringify(definition)
    const other = known.get(`${kind} ${name}`)
    if (other === undefined) known.set(`${kind} ${name}`, { pipeline, definition: text })
    else if (text === null || other.definition !== text) {
      found.push(
        new MillraceError('NAME_DUPLICATE', `The ${kind} ${name} is also declared by the pipeline ${other.pipeline}.`, {
          place: `${pipeline} › ${kind} ${name}`,
          fix: text === null ? 'Rename one of them.' : 'Declare it once, in a file of its own, and import it in both.',
        }),
      )
    }
  }

  for (const plan of plans) {
    declare('pipeline', plan.pipeline, plan.pipeline, null)
    for (const topic of plan.topics) declare('topic', topic.name, plan.pipeline, topic)
    for (const table of plan.tables) declare('table', tableId(table), plan.pipeline, table)
    for (const dag of plan.dags) declare('DAG', dag.id, plan.pipeline, null)
  }
  return found
}
