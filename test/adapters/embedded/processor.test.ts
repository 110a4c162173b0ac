import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createThreadProcessor } from '../../../src/adapters/embedded/processor.ts'
import { compile } from '../../../src/plan/compile.ts'
import { stageId } from '../../../src/plan/plan.ts'
import type { StageStatus } from '../../../src/ports/processor.ts'
import { embedded } from '../../../src/sdk/config.ts'
import type { StageThreadData } from '../../../src/stage-thread.ts'
import { openTarget } from '../../../src/targets.ts'
import { type ProcessorFixture, processorConformance } from '../../../src/testing/processor-conformance.ts'
import { temporaryDirectory } from '../../support.ts'
import { CopiedStages } from '../copied-stages.ts'
import copies from './copies.ts'

const project = import.meta.dirname
const pipelineFile = resolve(project, 'copies.ts')
// Compiled, as it is when Millrace is installed: threads that strip types from all of `src` at once can crash Node 24.
const entry = new URL('../../../dist/stage-thread.js', import.meta.url)
const plan = compile(copies)

/** Real threads on real files: each stage opens the state directory anew, as in `dev`. */
async function openFixture(): Promise<ProcessorFixture> {
  const statePath = temporaryDirectory()
  const config = embedded()
  const target = await openTarget({ config, statePath, projectDirectory: project, env: {} })
  const stages = await CopiedStages.apply(plan, target)
  const tables = await target.tables()

  const shared = { plan, pipelineFile, config, statePath, project }
  const workerData: { [stage: string]: StageThreadData } = {}
  for (const stage of plan.stages.map(stageId)) workerData[stage] = { ...shared, stage }
  const processor = createThreadProcessor({ entry, workerData, stopTimeoutMs: 60_000 })

  return {
    processor,
    plan,
    ...{ stages: stages.stages, broken: stages.broken, append: stages.append },
    async rows(stage) {
      const { keyspace, name } = stages.tableOf(stage)
      const { rows } = await tables.admin.query(`SELECT id FROM ${keyspace}.${name}`, { limit: 10_000 })
      return rows.map(([id]) => String(id))
    },
    async block(stage) {
      const { keyspace } = stages.tableOf(stage)
      const database = new DatabaseSync(join(statePath, 'tables', `${keyspace}.db`), { timeout: 60_000 })
      database.exec('BEGIN IMMEDIATE')
      return async () => database.close()
    },
    runs: 'here',
    patienceMs: 60_000,
    async close() {
      await processor.close()
      await target.close()
    },
  }
}

describe('the thread processor', () => {
  for (const { rule, check } of processorConformance(openFixture)) it(rule, check)
})

describe('a thread of the thread processor', () => {
  const open = (how: string) => {
    const processor = createThreadProcessor({
      entry: new URL('./unruly-thread.ts', import.meta.url),
      workerData: { 'a/b': { how } },
      stopTimeoutMs: 50,
    })
    onTestFinished(() => processor.close())
    return processor
  }

  it('is ended when it does not end by itself, and its stage is stopped, not failed', async () => {
    const processor = open('ignores')
    for (const end of [() => processor.stop('a/b'), () => processor.drain('a/b', 50)]) {
      await processor.start('a/b')
      await end()
      expect(await processor.status('a/b')).toMatchObject({ state: 'stopped', error: null })
    }
  })

  it.each([
    ['exits', 'code 3'],
    ['throws', 'A fault in a timer'],
  ])('that %s by itself has failed, with the reason', async (how, reason) => {
    const processor = open(how)
    const failed = Promise.withResolvers<StageStatus>()
    processor.watch(event => {
      if (event.kind === 'state' && event.status.state === 'failed') failed.resolve(event.status)
    })
    await processor.start('a/b').catch(() => {})
    expect((await failed.promise).error).toMatchObject({
      code: 'STAGE_FAILED',
      message: expect.stringContaining(reason),
    })
  })
})
