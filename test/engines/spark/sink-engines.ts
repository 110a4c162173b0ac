import { beforeAll } from 'vitest'
import { useCassandra } from '../cassandra/cluster.ts'
import { kafkaOfThisFile } from '../kafka/support.ts'
import { buildSink, type SparkJars } from './build-sink.ts'
import type { Engines } from './users-stage.ts'

/** For a test with processes of Spark, each of which takes 10 s to start where nothing else runs; in milliseconds. */
export const sparkTimeout = 600_000

/** Kafka, which takes the largest dead letters, Cassandra and the built sink for the tests of a file. */
export function sinkEnginesOfThisFile(): { readonly engines: () => Engines; readonly jars: () => SparkJars } {
  const kafka = kafkaOfThisFile({ 'message.max.bytes': '50000000', 'replica.fetch.max.bytes': '50000000' })
  const cassandra = useCassandra()
  let jars: SparkJars | undefined
  beforeAll(async () => {
    jars = await buildSink()
  }, 600_000)
  return { engines: () => ({ kafka: kafka(), cassandra: cassandra() }), jars: () => jars! }
}
