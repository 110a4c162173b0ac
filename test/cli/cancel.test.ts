import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSimulator } from '../../src/adapters/http/simulator.ts'
import { ordersProject, Project } from './support.ts'

/** Pages for an hour. */
const endless = `import { pipeline, randomUsers, t, topic } from 'millrace'
const users = topic('users', { key: 'id', value: t.record('User', { id: t.uuid() }) })
export default pipeline('users').ingest('fetch', {
  schedule: null, duration: '1h', from: randomUsers(), select: u => ({ id: u.login.uuid }), into: users,
})
`

describe('cancel and clear', () => {
  it('end a queued run, and queue it again under its id and logical date', async () => {
    const project = ordersProject()
    await project.json('apply')
    await project.json('trigger', 'import_orders', '--run-id', 'mine', '--logical-date', '2026-03-01')
    expect(await project.run('clear', 'import_orders', 'mine')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is queued and cannot be cleared\.\n.*\n.*Cancel it.*\n.*RUN_STATE/),
    })
    const cancelled = await project.run('cancel', 'import_orders', 'mine')
    expect(cancelled).toEqual({ code: 0, stdout: 'import_orders  mine  cancelled\n', stderr: '' })
    expect(await project.run('cancel', 'import_orders', 'mine')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Run "mine" is cancelled and cannot be cancelled.'),
    })
    expect(await project.json('clear', 'import_orders', 'mine')).toMatchObject({
      ...{ runId: 'mine', state: 'queued', logicalDate: '2026-03-01T00:00:00.000Z' },
    })
    const dev = project.start('dev', '--json')
    await dev.line(/"kind"/)
    const run = () => project.json('trigger', 'import_orders', '--run-id', 'mine', '--wait')
    expect(await run()).toMatchObject({ state: 'success', attempts: 1 })

    // One that had succeeded starts over.
    appendFileSync(join(project.directory, 'orders.ndjson'), '{"id":9,"customer":"late","total":"1.00"}\n')
    await project.json('clear', 'import_orders', 'mine')
    expect(await run()).toMatchObject({ state: 'success', attempts: 2 })
    expect((await project.run('runs')).stdout).toMatch(/^import_orders +mine +success .* 2 .* 5$/m)
    expect((await dev.interrupt('SIGINT')).code).toBe(0)
  })

  it('end a run that dev has under way, and continue it', async () => {
    const simulator = await startSimulator()
    onTestFinished(() => simulator.close())
    const project = Project.create({ 'pipelines/users.ts': endless }, { RANDOM_USER_URL: simulator.url })
    const dev = project.start('dev', '--json')
    await dev.line(/"kind"/)
    const waiting = project.start('trigger', 'fetch', '--run-id', 'mine', '--wait')
    const run = () => project.json('runs', 'fetch', '--run', 'mine')
    await expect.poll(run, { timeout: 20_000 }).toMatchObject({ state: 'running', attempts: 1 })
    const { code, stdout, stderr } = await project.run('cancel', 'fetch', 'mine')
    expect({ code, stdout, stderr }).toEqual({
      ...{ code: 0, stdout: 'fetch  mine  running\n' },
      stderr: 'Its attempt was told to end; the run ends with it.\n',
    })
    expect(await waiting.finished).toMatchObject({ code: 1, stdout: expect.stringMatching(/^fetch {2}mine {2}cancel/) })
    await project.json('clear', 'fetch', 'mine')
    await expect.poll(run, { timeout: 20_000 }).toMatchObject({ state: 'running', attempts: 2 })
    expect((await dev.interrupt('SIGINT')).code).toBe(0)
  })

  it.each([
    [['cancel', 'nothing', 'mine'], 'DAG_UNKNOWN', 'Use one of: import_orders.'],
    [['cancel', 'import_orders', 'mine'], 'RUN_UNKNOWN', 'List the runs of "import_orders"'],
    [['clear', 'nothing', 'mine'], 'DAG_UNKNOWN', 'Use one of: import_orders.'],
    [['clear', 'import_orders', 'mine'], 'RUN_UNKNOWN', 'List the runs of "import_orders"'],
    [['clear', 'import_orders'], 'CONFIG_INVALID', 'See `millrace --help`'],
  ])('refuse %j', async (args, code, fix) => {
    const project = ordersProject()
    await project.run('apply')
    const refused = await project.run(...args)
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain(`code   ${code} `)
    expect(refused.stderr).toContain(`fix    ${fix}`)
  })
})
