import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ordersPipeline, ordersProject, Project } from './support.ts'

describe('stack', () => {
  it.each([
    [
      ['stack', 'up', 'kafak'],
      'There is no engine kafak.',
      'Use any of: kafka, schema-registry, cassandra, spark, postgres, airflow.',
    ],
    [['stack', 'up', '--kafka', '2.8'], 'There are: 4.4, 3.9-zookeeper.', 'See'],
    [['stack', 'up', 'spark', '--spark', 'yarn'], 'There are: local, standalone.', 'See'],
    [['stack', 'up', '--heap', 'kafka=lots'], 'Write it as kafka=1g or kafka=768m.', 'See'],
    [['stack', 'up', '--docker', '--native'], 'It is either --docker or --native.', 'Leave one of them out.'],
    [['stack', 'logs'], 'Nothing was started here yet', 'Start it with `millrace stack up`.'],
    [['stack', 'reset'], 'Nothing was deleted.', 'Answer y, or give --yes'],
  ])('refuses %j', async (args, message, fix) => {
    const { code, stderr } = await ordersProject().run(...args)
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) })
    expect(stderr).toContain(`  fix    ${fix}`)
  })

  it('does not turn to processes where containers were asked for', async () => {
    const project = Project.create({ 'pipelines/orders.ts': ordersPipeline }, { PATH: '/nowhere' })
    const { code, stderr } = await project.run('stack', 'up', 'cassandra', '--docker')
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('There is no Docker engine') })
    expect(stderr).toContain('use --native')
  })

  it('has no engine at first, and stopping none is fine', async () => {
    const project = ordersProject()
    const status = await project.run('stack', 'status')
    expect(status).toMatchObject({ code: 0, stderr: expect.stringContaining('`millrace stack up`') })
    expect(await project.json('stack', 'status')).toEqual([])
    expect(await project.run('stack', 'down')).toMatchObject({ code: 0 })
  })

  it('tells of an engine whose process is gone, and forgets it when it is stopped', async () => {
    const project = ordersProject()
    const directory = join(project.statePath, 'stack')
    mkdirSync(directory, { recursive: true })
    const service = {
      name: 'kafka',
      token: 'gone',
      pid: process.pid,
      startedAt: '2026-11-23T00:00:00.000Z',
      heap: '1g',
    }
    const kafka = {
      ...{ kind: 'kafka', runs: 'native', title: 'Kafka', wanted: 'up', address: '127.0.0.1:1' },
      ...{
        connection: { bootstrapServers: ['127.0.0.1:1'] },
        ports: { client: 1, controller: 2 },
        services: [service],
      },
    }
    writeFileSync(join(directory, 'stack.json'), JSON.stringify({ version: 1, engines: { kafka } }))
    const { stdout, stderr } = await project.run('stack', 'status')
    expect(stdout).toMatch(/kafka +dead/)
    expect(stderr).toContain('its process has ended')
    // The noted pid is this process's, which a signal would end.
    expect(await project.run('stack', 'down')).toMatchObject({ code: 0 })
    expect(await project.json('stack', 'status')).toMatchObject([{ health: 'down', wanted: 'down' }])
  })

  it('leaves the state directory to the pipelines too', async () => {
    const project = ordersProject()
    await project.run('stack', 'down')
    expect(await project.run('apply')).toMatchObject({ code: 0 })
  })
})
