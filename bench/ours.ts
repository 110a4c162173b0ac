/**
 * The same job as the baseline, done by the users pipeline on the `local` target: `pipelines/users.ts` as it is, its
 * stages as `dev` runs them, with a source that reads the pages of the benchmark in place of the API.
 *
 *     node bench/ours.ts <directory> <pages.json>
 *
 * Prints one line of JSON when every row is durable: { rows, ms, steps } with µs per record by step.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { applyPlan } from '../src/engine/deploy.ts'
import { stageId } from '../src/plan/plan.ts'
import type { StageProgress } from '../src/ports/processor.ts'
import type { Source, SourcePage } from '../src/ports/source.ts'
import { loadPipelines, loadProject, targetConfig } from '../src/project.ts'
import { runIngestStage } from '../src/run-stage.ts'
import type { StageThreadData } from '../src/stage-thread.ts'
import { ingestDeclaration } from '../src/stages.ts'
import { openTarget } from '../src/targets.ts'
import { type PagesFile, readPages } from './pages.ts'
import type { BenchUser } from './user.ts'

const [directory, pagesPath] = process.argv.slice(2)
const pages = JSON.parse(readFileSync(pagesPath!, 'utf8')) as PagesFile
const project = await loadProject(resolve(import.meta.dirname, '..'))
const [pipeline] = await loadPipelines(project, ['users'])
const { plan, file } = pipeline!
const ingest = plan.stages.find(stage => stage.kind === 'ingest')!
const stream = plan.stages.find(stage => stage.kind === 'stream')!

const target = await openTarget({
  config: targetConfig(project, 'local'),
  statePath: directory!,
  projectDirectory: project.directory,
  env: process.env,
})
const data: StageThreadData = {
  ...{ stage: stageId(stream), plan, pipelineFile: file, config: targetConfig(project, 'local') },
  ...{ statePath: directory!, project: project.directory },
}
const [log, registry, tables, orchestrator, processor] = await Promise.all([
  ...([target.log(), target.registry(), target.tables(), target.orchestrator()] as const),
  target.processor({ [stageId(stream)]: data }),
])
await applyPlan(plan, { log, registry, tables, orchestrator })
await processor.start(stageId(stream))

const source: Source = {
  repeatable: true,
  async *pages(): AsyncGenerator<SourcePage> {
    let page = 0
    for (const bytes of readPages(pages)) {
      const { results } = JSON.parse(bytes.toString()) as { results: BenchUser[] }
      yield { records: results.map(value => ({ value })), cursor: String(++page), bytes: bytes.length }
    }
  },
  probe: async () => {},
  close: async () => {},
}

const spent = new Map<string, number>()
const spend = (stage: string, progress: StageProgress) => {
  for (const [step, ms] of Object.entries(progress.ms)) {
    spent.set(`${stage} ${step}`, (spent.get(`${stage} ${step}`) ?? 0) + ms)
  }
}
let rows = 0
const allWritten = new Promise<void>((resolve, reject) => {
  processor.watch(event => {
    if (event.kind === 'state' && event.status.state === 'failed') reject(new Error(event.status.error?.message))
    if (event.kind !== 'progress') return
    spend('stream', event.progress)
    rows += event.progress.recordsOut
    if (rows >= pages.users) resolve()
  })
})

const started = performance.now()
const instant = new Date(0).toISOString()
await runIngestStage({
  ...{ target, source },
  declaration: ingestDeclaration(pipeline!, { ...ingest, durationMs: null }),
  run: {
    runId: 'bench',
    attempt: 1,
    continues: false,
    logicalDate: instant,
    interval: { start: instant, end: instant },
  },
  logger: { log: () => {} },
  signal: new AbortController().signal,
  onProgress: progress => spend('ingest', progress),
})
await allWritten
const ms = performance.now() - started

const steps = Object.fromEntries([...spent].map(([step, total]) => [step, (total * 1000) / pages.users]))
console.log(JSON.stringify({ rows: (await tables.admin.count(plan.tables[0]!)).rows, ms, steps }))
await target.close()
