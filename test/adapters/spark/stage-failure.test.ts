import { describe, expect, it } from 'vitest'
import { queryFailure } from '../../../src/adapters/spark/connect/errors.ts'
import { stageFailure, unknownSchema } from '../../../src/adapters/spark/stage-failure.ts'

const around = (text: string) =>
  `[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: Job aborted due to stage failure: Task 0 in stage 1.0 ` +
  `failed 1 times: ${text}\n\tat millrace.spark.RowWriter.write(RowWriter.java:1)\nDriver stacktrace: SQLSTATE: XXKST`

describe('the failure of a query', () => {
  it('names a schema that it was not told about', () => {
    const text = around('[FAILED_EXECUTE_UDF] … millrace.spark.SinkException: MILLRACE_SCHEMA_UNKNOWN: 4711')
    expect(unknownSchema(queryFailure(text, null))).toBe(4711)
    expect(unknownSchema(queryFailure(around('something else'), null))).toBeNull()
    expect(unknownSchema(new Error('MILLRACE_SCHEMA_UNKNOWN: 1'))).toBeNull()
  })

  it('is what the sink says, without Spark’s words around it', () => {
    const text = around('millrace.spark.SinkException: DATABASE_UNREACHABLE: No node answers.')
    expect(stageFailure(queryFailure(text, null))).toMatchObject({
      ...{ code: 'DATABASE_UNREACHABLE', message: 'No node answers.', retry: 'later' },
    })
  })

  it('is Spark’s own where the sink says nothing that is known here', () => {
    for (const text of ['java.lang.OutOfMemoryError', 'millrace.spark.SinkException: NEWER_CODE: something']) {
      const failure = queryFailure(around(text), null)
      expect(stageFailure(failure)).toBe(failure)
    }
  })

  it('is one of offsets where records are gone', () => {
    const failure = queryFailure('Some data may have been lost …', 'KAFKA_DATA_LOSS.COULD_NOT_READ_OFFSET_RANGE')
    expect(stageFailure(failure)).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', retry: 'never' })
  })
})
