export { compile } from './plan/compile.ts'
export { PlanInvalid } from './plan/faults.ts'
export type { Plan } from './plan/plan.ts'
export {
  type Config,
  defineConfig,
  type EmbeddedAdapter,
  embedded,
  full,
  spark,
  stack,
  type TargetConfig,
} from './sdk/config.ts'
export { type ErrorCode, MillraceError } from './sdk/errors.ts'
export {
  and,
  cast,
  coalesce,
  concat,
  type Expression,
  eq,
  type Fields,
  gt,
  gte,
  isNull,
  literal,
  lower,
  lt,
  lte,
  ne,
  not,
  or,
  text,
  trim,
  upper,
} from './sdk/expressions.ts'
export { type Pipeline, pipeline } from './sdk/pipeline.ts'
export type { Duration, Rate, Size } from './sdk/quantities.ts'
export type { Source } from './sdk/source.ts'
export { type FilesOptions, files } from './sdk/sources/files.ts'
export { type FromEnvironment, type HttpOptions, http } from './sdk/sources/http.ts'
export { type RandomUser, randomUser, randomUsers } from './sdk/sources/random-users.ts'
export { type Table, table } from './sdk/table.ts'
export type { AirflowConfig } from './sdk/targets/airflow.ts'
export type { CassandraConfig } from './sdk/targets/cassandra.ts'
export type { KafkaConfig } from './sdk/targets/kafka.ts'
export type { SchemaRegistryConfig } from './sdk/targets/schema-registry.ts'
export type { SparkConfig } from './sdk/targets/spark.ts'
export { type Topic, topic } from './sdk/topic.ts'
export { type Infer, type RecordType, type Type, t } from './sdk/types.ts'
