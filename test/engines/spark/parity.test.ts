import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Session } from '../../../src/adapters/spark/connect/session.ts'
import { sinkJar } from '../../../src/adapters/spark/sink-jar.ts'
import { buildSink } from './build-sink.ts'
import { computed, expressionDifferences, logRecord, outcomesOnNode, outcomesOnSpark } from './parity.ts'
import { anyDeclaration, topicOf } from './random-declarations.ts'
import { anyExpression, everything, recordsOf } from './random-expressions.ts'
import { SparkServer } from './spark-server.ts'

/** Random choices are the same in every run; `MILLRACE_PROPERTIES` draws others. */
const seed = process.env.MILLRACE_PROPERTIES === undefined ? 20_261_123 : Date.now()

const [expressions, expressionsInQuery, records] = [1_000, 100, 20]
const [declarations, recordsOfDeclaration] = [25, 40]

describe(`the same on Node and on Spark (G10), seed ${seed}`, () => {
  const server = new SparkServer()

  beforeAll(async () => void (await buildSink()), 600_000)

  const open = async (): Promise<Session> => {
    const session = await server.open()
    await session.upload([{ name: 'jars/millrace-spark-sink.jar', data: readFileSync(sinkJar()) }])
    // Else Spark computes queries over constants without compiling them, as it does those over a topic.
    const excluded = 'org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation'
    await session.configure({ 'spark.sql.optimizer.excludedRules': excluded })
    return session
  }

  const timeout = 600_000

  it('any expression gives the same value', { timeout }, async () => {
    const session = await open()
    const topic = topicOf(everything.node, 'id')
    const nodes = fc.sample(anyExpression, { numRuns: expressions, seed })
    for (let at = 0; at < nodes.length; at += expressionsInQuery) {
      const rows = fc.sample(recordsOf(everything.node), { numRuns: records, seed: seed + at })
      const some = nodes.slice(at, at + expressionsInQuery)
      expect(await expressionDifferences(session, topic, some, rows)).toEqual([])
    }
  })

  it('any declaration makes the same of every record: row, delete, dead letter or nothing', { timeout }, async () => {
    const session = await open()
    const kinds = new Set<string>()
    for (const { declaration, log } of fc.sample(anyDeclaration(recordsOfDeclaration), {
      numRuns: declarations,
      seed,
    })) {
      const onNode = await outcomesOnNode(declaration, log)
      expect(Object.fromEntries(await outcomesOnSpark(session, declaration, log))).toEqual(Object.fromEntries(onNode))
      for (const { offset } of log) kinds.add((onNode.get(offset) ?? 'filtered').split(' ')[0]!)
    }
    expect([...kinds].sort()).toEqual(['RECORD_REJECTED', 'RECORD_UNDECODABLE', 'delete', 'filtered', 'row'])
  })

  it('a record of a schema that nobody looked up fails the query, which says which', async () => {
    const session = await open()
    const topic = topicOf(everything.node, 'id')
    const log = [logRecord(0, null, Buffer.from([0, 0, 0, 0, 7, 0]))]
    await expect(computed(session, topic, [], log).next()).rejects.toThrow(/MILLRACE_SCHEMA_UNKNOWN: 7\b/)
  })
})
