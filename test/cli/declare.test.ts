import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ordersPipeline, ordersProject, Project } from './support.ts'

const broken = ordersPipeline
  .replace("pipeline('orders')", "pipeline('broken')")
  .replace("'import_orders'", "'import_again'")
  .replace("key: 'id'", "key: 'identity'")
  .replace('schedule: null', "schedule: '@fortnightly'")

describe('check', () => {
  it('prints what a pipeline has and touches no state', async () => {
    const project = ordersProject()
    const { code, stdout, stderr } = await project.run('check')
    expect(code).toBe(0)
    expect(stdout).toContain('✓ orders  pipelines/orders.ts')
    expect(stdout).toMatch(/^ {2}ingest {2}import_orders +files → orders +only when triggered$/m)
    expect(stdout).toMatch(/^ {2}stream {2}place +orders → shop\.placed +group orders\.place$/m)
    expect(stdout).toMatch(/^ {2}topic +orders +Order: 4 fields +key id, 2 partitions, kept 7d$/m)
    expect(stdout).toMatch(/^ {2}table +shop\.placed +4 columns +key id$/m)
    expect(stderr).toBe('1 pipeline, no faults.\n')
    expect(existsSync(project.statePath)).toBe(false)
  })

  it('reports every fault of every pipeline with its place and fix', async () => {
    const project = Project.create({
      'pipelines/broken.ts': broken,
      'pipelines/orders.ts': ordersPipeline,
      'pipelines/empty.ts': 'export {}',
    })
    const { code, stdout, stderr } = await project.run('check')
    expect(code).toBe(2)
    expect(stdout).toContain('✓ orders')
    expect(stderr).toMatch(/where {2}broken › .*\n/)
    expect(stderr).toContain('code   FIELD_UNKNOWN')
    expect(stderr).toContain('code   SCHEDULE_INVALID')
    expect(stderr).toContain('The file exports no pipeline.')
    expect(stderr.match(/✗/g)!.length).toBeGreaterThanOrEqual(3)
    expect(stderr).toMatch(/3 pipelines, \d+ faults\.\n$/)
    expect((await project.run('check', 'orders')).code).toBe(0)
    const { pipelines } = JSON.parse((await project.run('check', 'broken', '--json')).stdout)
    expect(pipelines).toHaveLength(1)
    expect(pipelines[0]).toMatchObject({ pipeline: 'broken', plan: null })
    expect(pipelines[0].faults.map((fault: { code: string }) => fault.code)).toContain('SCHEDULE_INVALID')
  })

  it('reports what two pipelines declare differently', async () => {
    const other = ordersPipeline
      .replace("pipeline('orders')", "pipeline('other')")
      .replace('partitions: 2', 'partitions: 3')
    const project = Project.create({ 'pipelines/orders.ts': ordersPipeline, 'pipelines/other.ts': other })
    const { code, stderr } = await project.run('check')
    expect(code).toBe(2)
    expect(stderr).toContain('The topic orders is also declared by the pipeline orders.')
    const apply = await project.run('apply')
    expect(apply.code).toBe(2)
    expect(apply.stderr).toContain('The topic orders is also declared')
  })

  it('names the pipelines there are', async () => {
    const { code, stderr } = await ordersProject().run('check', 'users')
    expect(code).toBe(2)
    expect(stderr).toContain('There is no pipeline users.')
    expect(stderr).toContain('Use one of: orders;')
  })
})

describe('plan and apply', () => {
  it('plan shows what would be created and creates nothing, not even the state directory', async () => {
    const project = ordersProject()
    const { code, stdout } = await project.run('plan')
    expect(code).toBe(0)
    for (const line of ['+ topic', '+ dead-letter topic', '+ subject', '+ table', '+ dag'])
      expect(stdout).toContain(line)
    expect(existsSync(project.statePath)).toBe(false)
  })

  it('apply creates it, and a second time changes nothing (G8)', async () => {
    const project = ordersProject()
    const first = await project.run('apply')
    expect(first.code).toBe(0)
    expect(first.stdout).toMatch(/✓ created table +shop\.placed/)
    const second = await project.run('apply')
    expect(second).toMatchObject({
      code: 0,
      stdout: 'orders is as declared: 5 things kept.\n',
      stderr: 'Nothing to do.\n',
    })
    const steps = Array(5).fill({ action: 'keep' })
    expect(await project.json('plan')).toMatchObject({
      pipelines: [{ plan: { version: 1, pipeline: 'orders' }, steps }],
    })
  })

  it('plan shows a change that is not possible and apply refuses it, with exit code 2 (G8)', async () => {
    const project = ordersProject()
    await project.run('apply')
    writeFileSync(
      join(project.directory, 'pipelines/orders.ts'),
      ordersPipeline.replace('partitions: 2', 'partitions: 1'),
    )
    const plan = await project.run('plan')
    expect(plan.code).toBe(2)
    expect(plan.stdout).toContain('✗ topic')
    const apply = await project.run('apply', '--json')
    expect(apply.code).toBe(2)
    expect(JSON.parse(apply.stdout)).toMatchObject({ error: { code: 'PLAN_INCOMPATIBLE', place: 'orders' } })
  })

  it('apply changes nothing at all if one of several pipelines is refused (G8)', async () => {
    const other = ordersPipeline
      .replace(/orders'/g, "returns'")
      .replace('import_orders', 'import_returns')
      .replace('shop.placed', 'shop.returned')
    const project = Project.create({ 'pipelines/a.ts': other, 'pipelines/orders.ts': ordersPipeline })
    expect((await project.run('apply', 'orders')).code).toBe(0)
    writeFileSync(
      join(project.directory, 'pipelines/orders.ts'),
      ordersPipeline.replace('partitions: 2', 'partitions: 1'),
    )
    expect((await project.run('apply')).code).toBe(2)
    expect((await project.run('tail', 'returns', '--no-follow')).stderr).toContain('There is no topic returns.')
  })
})
