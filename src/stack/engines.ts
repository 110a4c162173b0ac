import type { Engine, EngineKind } from './engine.ts'
import { airflow } from './engines/airflow.ts'
import { cassandra } from './engines/cassandra.ts'
import { kafka } from './engines/kafka.ts'
import { kafkaZooKeeper } from './engines/kafka-zookeeper.ts'
import { postgres } from './engines/postgres.ts'
import { schemaRegistry } from './engines/schema-registry.ts'
import { spark } from './engines/spark.ts'
import { sparkStandalone } from './engines/spark-standalone.ts'

/** Every engine that can be started. */
export const engines: { readonly [kind in EngineKind]: Engine } = {
  kafka,
  'kafka-zookeeper': kafkaZooKeeper,
  'schema-registry': schemaRegistry,
  cassandra,
  spark,
  'spark-standalone': sparkStandalone,
  postgres,
  airflow,
}
