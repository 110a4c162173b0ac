import { describe, expect, it } from 'vitest'
import { dailyOrders } from './support.ts'

describe('pause and unpause', () => {
  it('keep runs queued, and let them go on', async () => {
    const project = await dailyOrders()
    const said = (stderr: string | RegExp) => ({ code: 0, stdout: '', stderr: expect.stringMatching(stderr) })
    expect(await project.run('pause', 'import_orders')).toEqual(said(/^import_orders is paused\.\n$/))
    const dev = project.start('dev', '--json')
    await dev.line(/"kind"/)
    const waiting = project.start('trigger', 'import_orders', '--run-id', 'mine', '--wait')
    await waiting.line(/^It stays queued: import_orders is paused\. `millrace unpause import_orders` lets it begin\.$/)
    const backfill = ['backfill', 'import_orders', '--from', '2026-01-01', '--to', '2026-01-02']
    expect((await project.run(...backfill)).stderr).toContain('import_orders is paused')
    expect(await project.json('pause', 'import_orders')).toEqual({
      ...{ dag: 'import_orders', paused: true, nextRunAt: null },
    })
    expect(await project.json('runs')).toMatchObject({ runs: [{ state: 'queued' }, { state: 'queued' }] })
    const unpaused = said(/^import_orders goes on\. Its next scheduled run: \d{4}-\d\d-\d\d 00:00:00\.\n$/)
    expect(await project.run('unpause', 'import_orders')).toEqual(unpaused)
    expect((await waiting.finished).code).toBe(0)
    expect((await dev.interrupt('SIGINT')).code).toBe(0)
  })

  it.each(['pause', 'unpause'])('%s names the DAGs there are', async command => {
    const refused = await (await dailyOrders()).run(command, 'nothing')
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('fix    Use one of: import_orders.')
    expect(refused.stderr).toContain('code   DAG_UNKNOWN')
  })
})
