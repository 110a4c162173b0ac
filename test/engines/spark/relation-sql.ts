import type { Expression, Relation } from '../../../src/adapters/spark/connect/messages.ts'
import { quoteName } from '../../../src/adapters/spark/types.ts'

/** What Connect makes of the relation, as SQL on the view `records`. */
export function relationSql({ project, filter }: Relation): string {
  if (project !== undefined) {
    return `SELECT ${project.expressions.map(expressionSql).join(', ')} FROM (${relationSql(project.input)})`
  }
  if (filter !== undefined) {
    return `SELECT * FROM (${relationSql(filter.input)}) WHERE ${filter.condition.expression_string!.expression}`
  }
  return 'SELECT * FROM records'
}

function expressionSql({ alias }: Expression): string {
  return `${alias!.expr.expression_string!.expression} AS ${quoteName(alias!.name[0]!)}`
}
