import { describe, expect, it } from 'vitest'
import { dailyOrders, ordersProject } from './support.ts'

const three = ['import_orders', '--from', '2026-01-01', '--to', '2026-01-04']

describe('backfill', () => {
  it('says with --dry-run which intervals have no run, and queues one for each of them once', async () => {
    const project = await dailyOrders()
    const planned = await project.run('backfill', ...three, '--dry-run')
    expect(planned).toEqual({
      code: 0,
      stdout: [
        'import_orders  2026-01-01 00:00:00 to 2026-01-02 00:00:00',
        'import_orders  2026-01-02 00:00:00 to 2026-01-03 00:00:00',
        'import_orders  2026-01-03 00:00:00 to 2026-01-04 00:00:00',
        '',
      ].join('\n'),
      stderr: '3 runs to queue.\n',
    })
    expect(await project.json('runs')).toMatchObject({ runs: [] })
    const queued = await project.run('backfill', ...three)
    expect(queued.stdout).toBe(planned.stdout)
    expect(queued.stderr).toBe('3 runs queued; `millrace runs import_orders` shows how they go.\n')
    const { runs } = (await project.json('runs')) as { runs: { kind: string; logicalDate: string; state: string }[] }
    expect(runs.map(({ kind, logicalDate, state }) => [kind, logicalDate.slice(0, 10), state])).toEqual(
      ['2026-01-03', '2026-01-02', '2026-01-01'].map(date => ['backfill', date, 'queued']),
    )
    const again = await project.run('backfill', ...three)
    expect(again).toEqual({ code: 0, stdout: '', stderr: 'No complete interval of this range is without a run.\n' })
    expect(await project.json('backfill', ...three)).toEqual({ intervals: [], dryRun: false })
  })

  it('is run by dev, and takes 1,000 intervals at a time', async () => {
    const project = await dailyOrders()
    const wide = ['backfill', 'import_orders', '--from', '2020-01-01', '--to', '2023-01-01', '--dry-run']
    const { stdout, stderr } = await project.run(...wide)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1_000)
    expect(stderr).toContain('1,000 runs to queue.\nA backfill takes 1,000 at most')
    await project.run('backfill', ...three)
    const dev = project.start('dev', '--json')
    await dev.line(/"kind"/)
    const newest = ['--run-id', 'backfill__2026-01-03T00:00:00.000Z']
    const waited = await project.json('trigger', 'import_orders', ...newest, '--wait')
    expect(waited).toMatchObject({ kind: 'backfill', state: 'success', attempts: 1 })
    expect((await dev.interrupt('SIGINT')).code).toBe(0)
    const { runs } = (await project.json('runs', '--in', 'success')) as { runs: { kind: string }[] }
    expect(runs.filter(({ kind }) => kind === 'backfill')).toHaveLength(3)
  })

  it.each([
    [['nothing', '--from', '2026-01-01', '--to', '2026-01-04'], 'DAG_UNKNOWN', 'Use one of: import_orders.'],
    [['import_orders', '--from', '2026-01-04', '--to', '2026-01-04'], 'CONFIG_INVALID', 'Give a later --to.'],
    [['import_orders', '--from', 'monday', '--to', '2026-01-04'], 'CONFIG_INVALID', 'See `millrace --help`'],
    [['import_orders', '--to', '2026-01-04'], 'CONFIG_INVALID', 'See `millrace --help`'],
    [['import_orders', '--from', '2026-01-01', '--to', '2026-01-04'], 'CONFIG_INVALID', 'Trigger a run with a logical'],
  ])('refuses %j', async (args, code, fix) => {
    // Without a schedule, so that only the last is refused for that.
    const project = ordersProject()
    await project.run('apply')
    const refused = await project.run('backfill', ...args)
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain(`code   ${code} `)
    expect(refused.stderr).toContain(`fix    ${fix}`)
  })
})
