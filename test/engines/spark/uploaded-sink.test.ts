import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sinkJar } from '../../../src/adapters/spark/sink-jar.ts'
import { bytes, userOf } from '../faults/poisons.ts'
import { sinkEnginesOfThisFile, sparkTimeout } from './sink-engines.ts'
import { SparkServer } from './spark-server.ts'
import { UsersStage } from './users-stage.ts'

const { engines } = sinkEnginesOfThisFile()

describe('a sink that was uploaded to a session', () => {
  const server = new SparkServer()

  it('writes rows, dead letters and offsets, although the server itself does not know its classes', {
    timeout: sparkTimeout,
  }, async () => {
    const stage = await UsersStage.open(engines())
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
