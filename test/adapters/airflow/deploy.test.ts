import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deploy } from '../../../src/adapters/airflow/deploy.ts'
import { readSettings } from '../../../src/adapters/airflow/settings.ts'
import type { DagPlan } from '../../../src/plan/plan.ts'
import type { Json } from '../../../src/sdk/json.ts'
import { virtualClock } from '../../../src/testing/virtual-clock.ts'
import { temporaryDirectory } from '../../support.ts'
import { dagPlan } from '../embedded/orchestrator/fixture.ts'
import { scriptedClient } from './scripted-client.ts'

const program = { command: ['millrace'], project: '/project', state: '/state', target: 'test' }

/** An Airflow that has read whatever is in its folder, as Python puts the texts of a file together. */
function airflow() {
  const directory = temporaryDirectory()
  const auth = { kind: 'token', token: { env: 'TOKEN' } } as const
  const config = { adapter: 'airflow', url: 'http://airflow', auth, dags: directory } as const
  const settings = readSettings(config, program, { env: {}, directory })
  const paused = new Map<string, boolean>()
  const files = new Map<string, string>()
  const clock = virtualClock({ start: Date.parse('2026-03-10T15:00:00Z') })
  const client = scriptedClient(({ method, path, body }): Json => {
    for (const name of readdirSync(directory)) files.set(name, readFileSync(join(directory, name), 'utf8'))
    const id = path.split('/')[4] ?? ''
    if (path === '/api/v2/dags') return { dags: readdirSync(directory).map(name => ({ dag_id: name.slice(9, -3) })) }
    if (path === '/api/v2/importErrors') return { import_errors: [] }
    if (method === 'PATCH') paused.set(id, body!.is_paused as boolean)
    const text = files.get(`millrace_${id}.py`)
    if (text === undefined) return 404
    const [, lines = ''] = /doc_md=\(\n([\s\S]*?)\n {4}\),/.exec(text)!
    const doc_md = lines
      .split('\n')
      .map(line => JSON.parse(line.trim()) as string)
      .join('')
    const is_stale = !readdirSync(directory).includes(`millrace_${id}.py`)
    return { dag_id: id, is_paused: paused.get(id) ?? false, is_stale, doc_md, next_dagrun_run_after: null }
  })
  return {
    directory,
    paused,
    read: (dag: string) => readFileSync(join(directory, `millrace_${dag}.py`), 'utf8'),
    apply: async (...dags: readonly DagPlan[]) =>
      (await deploy(client, clock, settings, 'users', dags)).map(({ dag, change }) => `${dag} ${change}`),
  }
}

describe('deploying DAGs to Airflow', () => {
  it('writes what is new or has changed, and nothing a second time (G8)', async () => {
    const { apply, directory } = airflow()
    const other = dagPlan({ id: 'other' })
    expect(await apply(dagPlan(), other)).toEqual(['user_automation created', 'other created'])
    expect(readdirSync(directory).toSorted()).toEqual(['millrace_other.py', 'millrace_user_automation.py'])
    expect(await apply(dagPlan(), other)).toEqual(['user_automation unchanged', 'other unchanged'])
    const changed = dagPlan({ schedule: '0 * * * *' })
    expect(await apply(changed, other)).toEqual(['user_automation updated', 'other unchanged'])
  })

  it('pauses what is no longer declared, once, and goes on with it when it is again', async () => {
    const { apply, paused, read } = airflow()
    await apply(dagPlan())
    expect(await apply()).toEqual(['user_automation paused'])
    expect(read('user_automation')).toContain('no longer declares this DAG')
    expect(paused.get('user_automation')).toBe(true)
    expect(await apply()).toEqual([])
    expect(await apply(dagPlan())).toEqual(['user_automation updated'])
    expect(paused.get('user_automation')).toBe(false)
  })

  it('writes a file again that somebody has deleted', async () => {
    const { apply, directory } = airflow()
    await apply(dagPlan())
    rmSync(join(directory, 'millrace_user_automation.py'))
    expect(await apply(dagPlan())).toEqual(['user_automation updated'])
    expect(readdirSync(directory)).toEqual(['millrace_user_automation.py'])
  })

  it('has a DAG that catches up begin where it began at its first deploy', async () => {
    const { apply, read } = airflow()
    await apply(dagPlan({ catchup: true }))
    const begin = 'start_date=datetime.fromisoformat("2026-03-09T00:00:00.000+00:00")'
    expect(read('user_automation')).toContain(begin)
    await apply(dagPlan({ catchup: true, task: { attempts: 9 } }))
    expect(read('user_automation')).toContain(begin)
    await apply(dagPlan({ catchup: true, startDate: '2026-01-01T00:00:00.000Z' }))
    expect(read('user_automation')).toContain('fromisoformat("2026-01-01T00:00:00.000+00:00")')
  })

  it('leaves the DAGs of another pipeline alone', async () => {
    const { apply } = airflow()
    await apply(dagPlan())
    await expect(apply(dagPlan({ pipeline: 'orders' }))).rejects.toMatchObject({ code: 'NAME_DUPLICATE' })
  })
})
