import { describe, expect, it } from 'vitest'
import { ordersProject, type Project, type Running } from './support.ts'

/** A project that `dev` serves. */
async function served(): Promise<{ project: Project; dev: Running }> {
  const project = ordersProject()
  const dev = project.start('dev', '--json')
  await dev.line(/"kind"/)
  return { project, dev }
}

describe('trigger', () => {
  it('queues a run, and says what to do where no scheduler serves it', async () => {
    const project = ordersProject()
    await project.run('apply')
    const { code, stdout, stderr } = await project.run('trigger', 'import_orders', '--logical-date', '2026-03-01')
    expect(code).toBe(0)
    expect(stdout).toBe('import_orders  manual__2026-03-01T00:00:00.000Z  queued\n')
    expect(stderr).toContain('no scheduler serves this state directory. `millrace dev` does')
    const again = await project.json('trigger', 'import_orders', '--logical-date', '2026-03-01')
    expect(again).toMatchObject({ runId: 'manual__2026-03-01T00:00:00.000Z', state: 'queued', attempts: 0 })
    expect(await project.json('runs')).toMatchObject({ runs: [{ dag: 'import_orders', state: 'queued' }], next: null })
    const logs = await project.run('logs', 'import_orders')
    expect(logs.code).toBe(2)
    expect(logs.stderr).toContain('No run of import_orders has begun.')
  })

  it('waits for the end of a run that dev serves, and the run is listed with its attempts', async () => {
    const { project, dev } = await served()
    const run = ['--run-id', 'mine', '--logical-date', '2026-03-01', '--conf', '{"why":"test"}', '--wait']
    const { code, stdout } = await project.run('trigger', 'import_orders', ...run)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^import_orders {2}mine {2}success in \d+/)
    const listed = await project.run('runs', 'import_orders', '--in', 'success')
    expect(listed.stdout).toMatch(/^dag +run +state +logical date +attempts +took +records$/m)
    expect(listed.stdout).toMatch(/^import_orders +mine +success +2026-03-01 00:00:00 +1 .* 4$/m)
    expect(await project.json('runs', 'import_orders', '--run', 'mine')).toMatchObject({
      runId: 'mine',
      conf: { why: 'test' },
      attemptList: [{ attempt: 1, state: 'success', result: { appended: 4, deadLetters: 2 } }],
    })
    const shown = await project.run('runs', 'import_orders', '--run', 'mine')
    expect(shown.stdout).toMatch(/^state +success$/m)
    expect(shown.stdout).toMatch(/^attempt 1 +success$/m)
    expect((await project.run('logs', 'import_orders', '--run', 'mine', '--follow')).code).toBe(0)
    expect((await dev.interrupt('SIGINT')).code).toBe(0)
  })

  it.each([
    [['trigger', 'nothing'], 'There is no DAG nothing.', 'Use one of: import_orders.'],
    [['runs', 'nothing'], 'There is no DAG nothing.', 'Use one of: import_orders.'],
    [['runs', '--run', 'x'], 'Which DAG is the run of?', 'Write `millrace runs <dag> --run <id>`.'],
    [['logs', 'nothing'], 'There is no DAG or stream stage nothing.', 'Use one of: import_orders, place.'],
    [['runs', '--in', 'odd'], "argument 'odd' is invalid", 'See'],
  ])('refuses %j with the names there are', async (args, message, fix) => {
    const project = ordersProject()
    await project.run('apply')
    const { code, stderr } = await project.run(...args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
    expect(stderr).toContain(`fix    ${fix}`)
  })

  it('ends the waiting on Ctrl-C and leaves the run', async () => {
    const project = ordersProject()
    await project.run('apply')
    const trigger = project.start('trigger', 'import_orders', '--run-id', 'mine', '--wait')
    await trigger.line(/Waiting/)
    expect((await trigger.interrupt('SIGINT')).code).toBe(130)
    expect(await project.json('runs', 'import_orders', '--run', 'mine')).toMatchObject({ state: 'queued' })
  })
})

describe('dev beside other commands', () => {
  it('holds the state directory against another dev, which says who holds it', async () => {
    const { project, dev } = await served()
    const { code, stderr } = await project.run('dev')
    expect(code).toBe(1)
    expect(stderr).toContain(`in use by process ${dev.child.pid}`)
    expect((await project.run('apply')).code).toBe(0)
  })
})
