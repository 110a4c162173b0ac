import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sourceOptions, stageQuery } from '../../src/adapters/spark/stage-query.ts'
import { parseAvro } from '../../src/plan/avro-schema.ts'
import { stageId, type TopicPlan, tableId } from '../../src/plan/plan.ts'
import { relationSql } from '../../test/engines/spark/relation-sql.ts'
import { columns } from '../baselines/row.ts'
import type { Program, Programs } from '../stack/programs.ts'
import type { SparkJars } from './jars.ts'

/**
 * `connector`: users in JSON by spark-cassandra-connector on Spark 3.5.7; `sink`: the same query with our sink on Spark 4.2;
 * `stage`: users in Avro as a stage runs on Spark, with dead letters and offsets.
 */
export type SparkProgram = 'connector' | 'sink' | 'stage'

/** When Spark ends by itself, or how it goes on. */
export type Trigger = 'availableNow' | 'microBatch' | 'realTime'

/** What Spark's own launcher gives to a Java that has modules. */
const opens = [
  ...['java.lang', 'java.lang.invoke', 'java.lang.reflect', 'java.io', 'java.net', 'java.nio', 'java.util'],
  ...['java.util.concurrent', 'java.util.concurrent.atomic', 'jdk.internal.ref', 'sun.nio.ch', 'sun.nio.cs'],
  ...['sun.security.action', 'sun.util.calendar'],
].map(name => `--add-opens=java.base/${name}=ALL-UNNAMED`)

const runner = resolve(import.meta.dirname, '../../test/engines/spark/SinkRun.java')

/** Starts a Spark of its own that moves the users of a topic to the table, from the topic's start. */
export function startSpark(
  name: SparkProgram,
  jars: SparkJars,
  programs: Programs,
  topic: TopicPlan,
  trigger: Trigger,
): Program {
  const run = join(programs.directory, `${name}-${randomUUID()}`)
  const taskPath = `${run}.json`
  writeFileSync(
    taskPath,
    JSON.stringify({ ...taskOf(name, programs, topic, trigger), checkpoint: `${run}.checkpoint` }),
  )
  const classPath = name === 'connector' ? jars.connector : jars.millrace
  const child = spawn(jars.java, ['-Xmx1g', ...opens, '-cp', classPath, runner, taskPath], {
    env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-20_000)
    })
  }
  let told = false
  const ended = once(child, 'close').then(([code]) => {
    const cpu = /^CPU (\d+)$/m.exec(said)
    if (cpu === null || (code !== 0 && !told)) throw new Error(`${name} ended with ${code}:\n${said}`)
    return { cpuMicros: Number(cpu[1]), peakBytes: Number.NaN }
  })
  return {
    ended,
    stop: () => {
      told = true
      child.kill('SIGTERM')
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

function taskOf(name: SparkProgram, { engines, setting }: Programs, topic: TopicPlan, trigger: Trigger) {
  const kafka = { 'kafka.bootstrap.servers': engines.broker }
  const [host, port] = engines.contactPoint.split(':')
  const mode = trigger === 'realTime' ? 'update' : 'append'
  const conf = {
    'spark.ui.enabled': 'false',
    'spark.driver.host': '127.0.0.1',
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.sql.session.timeZone': 'UTC',
  }
  const source = { ...kafka, subscribe: topic.name, startingOffsets: 'earliest' }
  // Real-time mode has a task running for each partition all the time, and tasks of small batches mostly wait.
  const master = trigger === 'availableNow' ? 'local[2]' : `local[${topic.partitions}]`
  const { table } = setting
  if (name === 'connector') {
    return {
      ...{ mode, trigger, master, source, format: 'org.apache.spark.sql.cassandra' },
      sql: `SELECT user.* FROM (${users})`,
      sink: { keyspace: table.keyspace, table: table.name },
      conf: { ...conf, 'spark.cassandra.connection.host': host, 'spark.cassandra.connection.port': port },
    }
  }
  const sink = {
    ...{ contactPoints: engines.contactPoint, localDataCenter: 'datacenter1', table: tableId(table) },
    ...{ stage: `bench/${randomUUID()}`, topic: topic.name },
  }
  if (name === 'sink') {
    const sql = `SELECT user.*, partition AS _partition, offset AS _offset, timestamp AS _timestamp FROM (${users})`
    return { mode, trigger, master, source, sql, sink, conf }
  }
  const { stream } = setting
  const writers = new Map([[setting.schemaId, { type: parseAvro(topic.avro).type }]])
  const query = stageQuery({ stage: stream, topic, table, writers, kafka: {} })
  return {
    ...{ mode, trigger, master, source: { ...source, ...sourceOptions } },
    ...{ sql: relationSql(query.relation), functions: query.functions },
    sink: {
      ...{ ...sink, ...kafka, stage: stageId(stream), group: `bench.${randomUUID()}` },
      ...{ deadLetters: 'true', deadLetterTopic: topic.deadLetterTopic },
    },
    conf: {
      ...{ ...conf, ...query.settings, 'spark.sql.streaming.realTimeMode.allowlistCheck': 'false' },
      // As `millrace stack` starts it (stack/spark/spark-defaults.conf).
      'spark.sql.streaming.checkpointFileManagerClass': `${checkpointing}.FileSystemBasedCheckpointFileManager`,
    },
  }
}

const checkpointing = 'org.apache.spark.sql.execution.streaming.checkpointing'

const users = `
  SELECT *, from_json(CAST(value AS STRING), '${columns.map(column => `${column} STRING`).join(', ')}') AS user
  FROM records`
