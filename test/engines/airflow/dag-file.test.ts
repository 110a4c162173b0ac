import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readDocument } from '../../../src/adapters/airflow/dag-document.ts'
import { dagFile } from '../../../src/adapters/airflow/dag-file.ts'
import { dagPlan } from '../../adapters/embedded/orchestrator/fixture.ts'
import { temporaryDirectory } from '../../support.ts'
import { airflowPython } from './python.ts'

/** What a path may be where somebody has had bad luck. */
const awkward = `/tmp/it's "here" $HOME \`pwd\` {{ x }} {% y %} {# z #} \\n é`

async function read(text: string) {
  const path = join(temporaryDirectory(), 'dag.py')
  writeFileSync(path, text)
  const script = join(import.meta.dirname, 'read_dag.py')
  return JSON.parse(
    execFileSync(await airflowPython(), [script, path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  )
}

describe('the DAG file, as Airflow reads it', { timeout: 60_000 }, () => {
  it('says what the plan says, and starts the task program with the very words', async () => {
    const print = 'console.log(JSON.stringify(process.argv.slice(1)))'
    const plan = dagPlan({ schedule: '30 6 * * 1-5', catchup: true, startDate: '2026-01-01T00:00:00.000Z' })
    const program = {
      command: [process.execPath, '-e', print, '--', awkward],
      project: awkward,
      state: '/state',
      target: 'full',
    }
    const { text, digest } = dagFile({ plan, begins: null, removed: false }, program)
    const { document, first, second, cleared, ...dag } = await read(text)
    expect(dag).toEqual({
      ...{ id: 'user_automation', schedule: '30 6 * * 1-5', start: '2026-01-01T00:00:00+00:00', catchup: true },
      ...{ tags: ['millrace', 'users'], task: 'stream_data_from_api', retries: 2, timeout: 600 },
    })
    expect(readDocument(document)).toEqual({ plan, begins: null, removed: false, digest })
    const fixed = [
      awkward,
      'run',
      'users/user_automation',
      '--project',
      awkward,
      '--state',
      '/state',
      '--target',
      'full',
    ]
    const runId = ['--run-id', `it's "$HOME"; {{ x }}`]
    const dates = [
      '--logical-date',
      '2026-03-01T00:00:00+00:00',
      '--interval',
      '2026-03-01T00:00:00+00:00/2026-03-02T00:00:00+00:00',
    ]
    const now = '2026-03-05T06:07:08.000009+00:00'
    expect(first).toEqual([...fixed, ...runId, '--attempt', '1', ...dates, '--with-parent'])
    expect(second).toEqual([
      ...fixed,
      ...runId,
      '--attempt',
      '2',
      '--logical-date',
      now,
      '--interval',
      `${now}/${now}`,
      '--with-parent',
    ])
    expect(cleared).toEqual([...fixed, ...runId, '--attempt', '2', '--cleared', ...dates, '--with-parent'])
  })

  it('has no schedule and no start date where the plan has none', async () => {
    const program = { command: [process.execPath, '-e', 'console.log("[]")'], project: '/p', state: '/s', target: 't' }
    const { text } = dagFile({ plan: dagPlan({ schedule: null }), begins: null, removed: false }, program)
    expect(await read(text)).toMatchObject({ schedule: null, start: null, catchup: false })
  })
})
