import { beforeAll, describe, it } from 'vitest'
import { compile } from '../../../src/plan/compile.ts'
import type { Plan } from '../../../src/plan/plan.ts'
import { pipeline } from '../../../src/sdk/pipeline.ts'
import { table } from '../../../src/sdk/table.ts'
import { topic } from '../../../src/sdk/topic.ts'
import { t } from '../../../src/sdk/types.ts'
import { openTarget } from '../../../src/targets.ts'
import { type ProcessorFixture, processorConformance } from '../../../src/testing/processor-conformance.ts'
import { CopiedStages } from '../../adapters/copied-stages.ts'
import { temporaryDirectory } from '../../support.ts'
import { execute } from '../cassandra/cluster.ts'
import { enginesOfThisFile, targetOn } from '../faults/fault-engines.ts'
import { buildSink } from './build-sink.ts'
import { SparkServer } from './spark-server.ts'

const engines = enginesOfThisFile()
const server = new SparkServer()

beforeAll(async () => void (await buildSink()), 600_000)

/** Pipelines have topics and keyspaces of their own, since their checks share the engines. */
function declareCopies(name: string): Plan {
  const item = t.record('Item', { id: t.text() })
  const copied = (each: string) => ({
    from: topic(`${name}_${each}`, { key: 'id', value: item, partitions: 2 }),
    into: table(`${name}.${each}`, { row: item, primaryKey: ['id'] }),
  })
  return compile(
    pipeline(name)
      .stream('first', copied('first'))
      .stream('second', copied('second'))
      .stream('broken', copied('broken')),
  )
}

let fixtures = 0

async function openFixture(): Promise<ProcessorFixture> {
  const plan = declareCopies(`copies${++fixtures}`)
  const { tokenFile } = server.engine.connection as { readonly tokenFile: string }
  const where = { url: server.engine.address, token: { file: tokenFile }, checkpoints: temporaryDirectory() }
  const config = { ...targetOn(engines()), processor: { adapter: 'spark', ...where } } as const
  const statePath = temporaryDirectory()
  const target = await openTarget({ config, statePath, projectDirectory: import.meta.dirname, env: {} })
  const stages = await CopiedStages.apply(plan, target)
  const processor = await target.processor(
    Object.fromEntries([...stages.stages, stages.broken.stage].map(stage => [stage, { plan }])),
  )
  const { cassandra } = engines()
  const replicate = (keyspace: string, replicas: number) =>
    execute(
      cassandra,
      `ALTER KEYSPACE ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': ${replicas}}`,
    )
  return {
    processor,
    plan,
    ...{ stages: stages.stages, broken: stages.broken, append: stages.append },
    async rows(stage) {
      const { keyspace, name } = stages.tableOf(stage)
      return (await execute(cassandra, `SELECT id FROM ${keyspace}.${name}`)).rows.map(({ id }) => String(id))
    },
    async block(stage) {
      const { keyspace } = stages.tableOf(stage)
      // Of three replicas two have to take a row, and there is one.
      await replicate(keyspace, 3)
      return async () => void (await replicate(keyspace, 1))
    },
    runs: 'elsewhere',
    patienceMs: 90_000,
    async close() {
      await processor.close()
      await target.close()
    },
  }
}

describe('the processor on Spark', { timeout: 180_000 }, () => {
  for (const { rule, check } of processorConformance(openFixture)) it(rule, check)
})
