import { describe, expect, it } from 'vitest'
import { dagFile } from '../../../src/adapters/airflow/dag-file.ts'
import { dagPlan } from '../embedded/orchestrator/fixture.ts'

const program = {
  command: ['/usr/bin/node', '/opt/millrace/bin/millrace.js'],
  ...{ project: "/home/me/my pipelines, it's here", state: '/var/lib/millrace', target: 'full' },
}

describe('the file of a DAG', () => {
  // What Python and bash make of it is tested on the installed Airflow: test/engines/airflow/dag-file.test.ts.
  it('is this', () => {
    const { name, text } = dagFile({ plan: dagPlan(), begins: null, removed: false }, program)
    expect(name).toBe('millrace_user_automation.py')
    expect(text).toMatchSnapshot()
  })

  it('has another digest whatever differs', () => {
    const dag = { plan: dagPlan(), begins: null, removed: false }
    const files = [
      dagFile(dag, program),
      dagFile({ ...dag, removed: true }, program),
      dagFile({ ...dag, begins: '2026-01-01T00:00:00.000Z' }, program),
      dagFile({ ...dag, plan: dagPlan({ task: { attempts: 4 } }) }, program),
      dagFile(dag, { ...program, target: 'stack' }),
    ]
    expect(new Set(files.map(({ digest }) => digest)).size).toBe(files.length)
    for (const { digest, text } of files) expect(text).toContain(digest)
    expect(dagFile(dag, program)).toEqual(files[0])
  })
})
