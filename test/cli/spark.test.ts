import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ordersPipeline, Project } from './support.ts'

const config = `import { defineConfig, embedded, spark } from 'millrace'
const processor = { ...spark().processor, token: undefined }
export default defineConfig({
  pipelines: ['pipelines/orders.ts'],
  targets: { spark: { ...spark(), processor }, mixed: { ...embedded(), processor }, local: embedded() },
})`

function project(pipeline = ordersPipeline): Project {
  return Project.create({ 'pipelines/orders.ts': pipeline, 'millrace.config.ts': config })
}

describe('a target with Spark', () => {
  it('plans to start the stream stages, and creates nothing, not even the state directory', async () => {
    const { run, statePath } = bound(project())
    const { code, stdout } = await run('plan', '--target', 'spark')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ {2}\+ stage +orders\/place {2}goes on by itself$/m)
    expect(existsSync(statePath)).toBe(false)
    expect((await run('plan')).stdout).not.toContain('stage')
  })

  it('refuses what Spark cannot run with its place, before anything is done', async () => {
    const { run } = bound(project())
    const { code, stdout } = await run('plan', '--target', 'mixed', '--json')
    expect(code).toBe(2)
    const { pipelines } = JSON.parse(stdout) as {
      pipelines: readonly { steps: readonly { action: string; name: string; error?: { code: string } }[] }[]
    }
    const refused = pipelines[0]!.steps.filter(({ action }) => action === 'refuse')
    expect(refused.map(({ name, error }) => [name, error?.code])).toEqual([
      ['orders › place › from', 'PLAN_UNSUPPORTED'],
      ['orders › place › into', 'PLAN_UNSUPPORTED'],
    ])
    for (const command of [['apply'], ['dev'], ['run', 'orders/place']]) {
      const refusal = await run(...command, '--target', 'mixed')
      expect(refusal.code).toBe(2)
      expect(refusal.stderr).toContain('Spark reads topics of Kafka; orders is on the log embedded.')
    }
  })

  it('stops only stages that go on by themselves', async () => {
    const { run } = bound(project())
    await run('apply')
    const { code, stderr } = await run('stop', 'orders/place')
    expect(code).toBe(2)
    expect(stderr).toContain('orders/place ends with the process that runs it.')
  })
})

function bound(project: Project) {
  return { run: (...args: readonly string[]) => project.run(...args), statePath: project.statePath }
}
