import type { Plan, StreamPlan, TopicPlan } from '../../plan/plan.ts'
import { asMillraceError, MillraceError } from '../../sdk/errors.ts'
import type { ExpressionNode } from '../../sdk/nodes.ts'
import { expressionSql } from './expression-sql.ts'

/** The adapters of the target beside which Spark is to run. */
export interface Neighbours {
  readonly log: string
  readonly table: string
}

/** What of a plan's stream stages Spark cannot run; each error names the place in the declaration. */
export function refusals(plan: Plan, { log, table }: Neighbours): readonly MillraceError[] {
  const errors: MillraceError[] = []
  const refuse = (place: string, message: string, fix: string) =>
    errors.push(new MillraceError('PLAN_UNSUPPORTED', message, { place, fix }))

  for (const stage of plan.stages) {
    if (stage.kind !== 'stream') continue
    const at = `${plan.pipeline} › ${stage.name}`
    if (log !== 'kafka') {
      const message = `Spark reads topics of Kafka; ${stage.from} is on the log ${log}.`
      refuse(`${at} › from`, message, 'Give the target the log kafka, or the processor embedded.')
    }
    if (table !== 'cassandra') {
      const message = `Spark writes tables of Cassandra; ${stage.into} is in the database ${table}.`
      refuse(`${at} › into`, message, 'Give the target the table cassandra, or the processor embedded.')
    }
    if (stage.map !== null) {
      const message = `map() of ${at} is JavaScript, which Spark does not run.`
      refuse(
        stage.map.place ?? `${at} › map`,
        message,
        'Say it with select and where, or give the target the processor embedded.',
      )
    }
    const topic = plan.topics.find(({ name }) => name === stage.from)
    if (topic !== undefined) errors.push(...unsayable(stage, topic, at))
  }
  return errors
}

/** Expressions that no SQL of Spark says. */
function unsayable(stage: StreamPlan, topic: TopicPlan, at: string): readonly MillraceError[] {
  const where = stage.where === null ? [] : [{ place: `${at} › where`, node: stage.where }]
  const select = (stage.select ?? []).map(({ name, value }) => ({ place: `${at} › select.${name}`, node: value }))
  return [...where, ...select].flatMap(({ place, node }) => {
    const error = faultOf(node, topic)
    if (error === null) return []
    const { code, message, fix } = error
    return [new MillraceError(code, message, { place, ...(fix !== null && { fix }), cause: error })]
  })
}

function faultOf(node: ExpressionNode, topic: TopicPlan): MillraceError | null {
  try {
    expressionSql(node, topic.value, 'record')
    return null
  } catch (thrown) {
    return asMillraceError(thrown)
  }
}
