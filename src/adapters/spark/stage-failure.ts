import { type ErrorCode, errorKinds, MillraceError } from '../../sdk/errors.ts'
import { SparkError } from './connect/errors.ts'

/** The schema id that a query met and was not told about; null if it failed of something else. */
export function unknownSchema(thrown: unknown): number | null {
  const [, id] = thrown instanceof SparkError ? (/MILLRACE_SCHEMA_UNKNOWN: (\d+)/.exec(thrown.message) ?? []) : []
  return id === undefined ? null : Number(id)
}

/** Why a stage's query failed: what our sink says in Spark's words around it, or Spark itself. */
export function stageFailure(thrown: SparkError): MillraceError {
  const [, code = '', message = ''] = /SinkException: ([A-Z_]+): ([^\n]*)/.exec(thrown.message) ?? []
  const schema = unknownSchema(thrown)
  if (schema !== null) {
    const message = `There are records of schema ${schema}, which the query was not told of when it was started.`
    return new MillraceError('SCHEMA_UNKNOWN', message, {
      fix: 'Start it again: it looks the schema up then.',
      cause: thrown,
    })
  }
  if (isCode(code)) return new MillraceError(code, message, { cause: thrown })
  if (thrown.errorClass?.startsWith('KAFKA_DATA_LOSS')) {
    const fix = 'Stop the stage, move its group to offsets that are there, and start it again.'
    return new MillraceError('OFFSET_OUT_OF_RANGE', thrown.message, { fix, cause: thrown })
  }
  return thrown
}

function isCode(text: string): text is ErrorCode {
  return text in errorKinds
}
