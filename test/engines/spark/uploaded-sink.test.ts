import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { sinkJar } from '../../../src/adapters/spark/sink-jar.ts'
import { useCassandra } from '../cassandra/cluster.ts'
import { bytes, userOf } from '../faults/poisons.ts'
import { kafkaOfThisFile } from '../kafka/support.ts'
import { buildSink } from './spark.ts'
import { SparkServer } from './spark-server.ts'
import { UsersStage } from './users-stage.ts'

const kafka = kafkaOfThisFile({ 'message.max.bytes': '50000000', 'replica.fetch.max.bytes': '50000000' })
const cassandra = useCassandra()

describe('a sink that was uploaded to a session', () => {
  const server = new SparkServer()

  beforeAll(async () => {
    await buildSink()
  }, 600_000)

  it('writes rows, dead letters and offsets, although the server itself does not know its classes', {
    timeout: 600_000,
  }, async () => {
    const stage = await UsersStage.open({ kafka: kafka(), cassandra: cassandra() })
    const session = await server.open()
    await session.upload([{ name: 'jars/millrace-spark-sink.jar', data: readFileSync(sinkJar()) }])
    const { settings, functions, relation } = stage.query()
    await session.configure(settings)
    for (const { name, className, returns } of functions) await session.registerFunction(name, className, returns)
    const { sink, checkpoint } = stage.task()
    const options = { ...sink, checkpointLocation: checkpoint! }
    const query = await session.queries.start({
      ...{ input: relation, format: 'millrace.spark.CassandraSink', options, output_mode: 'append' },
    })
    for (const value of ['first', 'second']) {
      await stage.sendUsers([userOf(0), userOf(1)])
      await stage.sendBad([value], 1)
      await stage.send([{ name: 'delete', key: bytes(userOf(0).id!), value: null }], 0)
      await query.processAllAvailable()
    }
    expect(await query.exception()).toBeNull()
    expect([...(await stage.readers.rows()).keys()]).toEqual([userOf(1).id])
    expect(await stage.letterValues()).toEqual(['first', 'second'])
    const { ends, committed } = await stage.positions()
    expect(committed).toEqual(ends)
    await query.stop()
  })
})
