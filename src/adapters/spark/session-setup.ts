import type { TopicPlan } from '../../plan/plan.ts'
import { sparkType } from './types.ts'

/** Under these Spark's SQL means what an expression's closure does. */
export const sessionSettings = {
  'spark.sql.ansi.enabled': 'true',
  'spark.sql.caseSensitive': 'true',
  'spark.sql.parser.escapedStringLiterals': 'false',
  'spark.sql.session.timeZone': 'UTC',
} as const

/** Functions of ours, for what Spark's own do not say; our jar brings them. */
export const sparkFunctions = {
  /** A record's bytes, the schemas it may be written with, the topic's: as STRUCT<code, reason, value>. */
  decode: 'millrace_decode',
  /** A DOUBLE as JavaScript writes it: `1e21`, not `1.0E21`. */
  numberText: 'millrace_number_text',
  /** Milliseconds since 1970 as ISO 8601 in UTC, years beyond 9999 with a sign and six digits. */
  timeText: 'millrace_time_text',
} as const

/** A function to register in a session before a query uses it. */
export interface SparkFunction {
  readonly name: string
  /** A class of our jar. */
  readonly className: string
  /** The type of its result, as Spark's DDL writes it. */
  readonly returns: string
}

/** What a query over a topic needs. A session has one `millrace_decode`, so it runs the queries of one topic only. */
export function topicFunctions(topic: Pick<TopicPlan, 'value'>): readonly SparkFunction[] {
  const decoded = `STRUCT<code: STRING, reason: STRING, value: ${sparkType(topic.value)}>`
  return [
    { name: sparkFunctions.decode, className: 'millrace.spark.functions.Decode', returns: decoded },
    { name: sparkFunctions.numberText, className: 'millrace.spark.functions.NumberText', returns: 'STRING' },
    { name: sparkFunctions.timeText, className: 'millrace.spark.functions.TimeText', returns: 'STRING' },
  ]
}
