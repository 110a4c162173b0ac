/**
 * The ingest stage of the users pipeline as it is, without its pace, on the engines of the benchmark: pages of
 * `RANDOM_USER_URL`, so many of such a size.
 *
 *     node bench/ingest/ours.ts '{ "statePath", "pages", "pageSize" }'
 *
 * Prints one line of JSON when every record is durable: { ms, steps } with milliseconds by step.
 */
import { resolve } from 'node:path'
import { loadPipelines, loadProject, targetConfig } from '../../src/project.ts'
import { runIngestStage } from '../../src/run-stage.ts'
import type { HttpSettings } from '../../src/sdk/sources/http.ts'
import { ingestDeclaration } from '../../src/stages.ts'
import { openTarget } from '../../src/targets.ts'

const { statePath, pages, pageSize } = JSON.parse(process.argv[2]!)
const project = await loadProject(resolve(import.meta.dirname, '../project'))
const [pipeline] = await loadPipelines(project, ['users'])
const ingest = pipeline!.plan.stages.find(stage => stage.kind === 'ingest')!
// The sdk wrote these settings; the plan only carries them.
const settings = ingest.source.settings as HttpSettings
const source = {
  ...ingest.source,
  settings: {
    ...settings,
    recordsPerSecond: null,
    page: { ...settings.page, last: pages },
    size: { ...settings.size!, value: pageSize },
  },
}
const target = await openTarget({
  config: targetConfig(project, 'bench'),
  statePath,
  projectDirectory: project.directory,
  env: process.env,
})

const steps: Record<string, number> = {}
const logicalDate = new Date().toISOString()
const started = performance.now()
await runIngestStage({
  target,
  source: await target.source(source),
  declaration: ingestDeclaration(pipeline!, { ...ingest, durationMs: null }),
  run: {
    ...{ runId: 'bench', attempt: 1, continues: false, logicalDate },
    interval: { start: logicalDate, end: logicalDate },
  },
  logger: { log: () => {} },
  signal: new AbortController().signal,
  onProgress({ ms }) {
    for (const [step, spent] of Object.entries(ms)) steps[step] = (steps[step] ?? 0) + spent
  },
})
console.log(JSON.stringify({ ms: performance.now() - started, steps }))
await target.close()
