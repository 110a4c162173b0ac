import type { AirflowConfig } from './targets/airflow.ts'
import type { CassandraConfig } from './targets/cassandra.ts'
import type { KafkaConfig } from './targets/kafka.ts'
import type { SchemaRegistryConfig } from './targets/schema-registry.ts'
import type { SparkConfig } from './targets/spark.ts'

/** What `millrace.config.ts` exports by default. */
export interface Config {
  /** Pipeline files, relative to the configuration's directory. */
  readonly pipelines: readonly string[]
  readonly targets: { readonly [name: string]: TargetConfig }
}

/** Which adapter stands behind each port, with its settings. Any mixture works: ports do not know each other. */
export interface TargetConfig {
  readonly log: EmbeddedAdapter | KafkaConfig
  readonly registry: EmbeddedAdapter | SchemaRegistryConfig
  readonly table: EmbeddedAdapter | CassandraConfig
  readonly orchestrator: EmbeddedAdapter | AirflowConfig
  readonly processor: EmbeddedAdapter | SparkConfig
}

export interface EmbeddedAdapter {
  readonly adapter: 'embedded'
}

/** Gives the configuration its type; checks nothing yet. */
export function defineConfig<const C extends Config>(config: C): C {
  return config
}

/** Everything inside this process, with files in the state directory and nothing else installed. */
export function embedded(): TargetConfig {
  const adapter = { adapter: 'embedded' } as const
  return { log: adapter, registry: adapter, table: adapter, orchestrator: adapter, processor: adapter }
}

/**
 * Kafka, a registry and Cassandra on this machine, as `millrace stack up` starts them.
 * @param registryUrl where the registry is, if not where `stack up` starts it without Docker
 */
export function stack(registryUrl = 'http://127.0.0.1:8081/apis/ccompat/v7'): TargetConfig {
  const adapter = { adapter: 'embedded' } as const
  return {
    log: { adapter: 'kafka', brokers: ['127.0.0.1:9092'] },
    registry: { adapter: 'schema-registry', url: registryUrl },
    table: { adapter: 'cassandra', contactPoints: ['127.0.0.1:9042'], localDataCenter: 'datacenter1' },
    orchestrator: adapter,
    processor: adapter,
  }
}

/**
 * As `stack()`, with the stream stages on Spark on this machine, as `millrace stack up spark` starts it without Docker.
 * @param registryUrl as of `stack()`
 */
export function spark(registryUrl?: string): TargetConfig {
  return {
    ...stack(registryUrl),
    processor: {
      adapter: 'spark',
      url: 'sc://127.0.0.1:15002',
      token: { file: '.millrace/stack/spark/secret' },
      checkpoints: '.millrace/spark-checkpoints',
    },
  }
}

/**
 * As `spark()`, with the ingest stages in Airflow on this machine, as `millrace stack up` without names starts it all without Docker.
 * @param registryUrl as of `stack()`
 */
export function full(registryUrl?: string): TargetConfig {
  const password = { file: '.millrace/stack/airflow/secrets/AIRFLOW_PASSWORD' }
  return {
    ...spark(registryUrl),
    orchestrator: {
      adapter: 'airflow',
      url: 'http://127.0.0.1:8080',
      auth: { kind: 'password', user: 'airflow', password },
    },
  }
}
