import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { orderLines, ordersPipeline, ordersProject, Project } from './support.ts'

const bin = resolve(import.meta.dirname, '../../bin/millrace.js')

const lastLine = (stdout: string) => JSON.parse(stdout.trimEnd().split('\n').at(-1)!)

const jsonLines = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

/** Applied and imported orders, and a target `remote` whose registry would listen at a port where nobody does. */
async function remoteRegistryProject(): Promise<{ project: Project; port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  const project = Project.create({
    'pipelines/orders.ts': ordersPipeline,
    'orders.ndjson': orderLines.join('\n'),
    'millrace.config.ts': `import { defineConfig, embedded } from 'millrace'
const registry = { adapter: 'schema-registry', url: 'http://127.0.0.1:${port}' } as const
export default defineConfig({
  pipelines: ['pipelines/orders.ts'],
  targets: { local: embedded(), remote: { ...embedded(), registry } },
})`,
  })
  for (const args of [['apply'], ['run', 'orders/import_orders']]) expect((await project.run(...args)).code).toBe(0)
  return { project, port }
}

/** Users of an API, for 60 s unless told otherwise. */
const usersPipeline = `import { pipeline, randomUsers, t, topic } from 'millrace'
const user = t.record('User', { id: t.uuid(), name: t.text() })
export default pipeline('users').ingest('fetch', {
  schedule: null, duration: '60s', from: randomUsers({ results: 10, pace: 'max' }),
  select: u => ({ id: u.login.uuid, name: u.name.first }),
  into: topic('users', { key: 'id', value: user }),
})
`

function usersProject(url: string): Project {
  return Project.create({ 'pipelines/users.ts': usersPipeline }, { RANDOM_USER_URL: url })
}

async function simulator(project: Project): Promise<string> {
  return project.start('simulate', '--port', '0').line(/^http/)
}

describe('run of an ingest stage', () => {
  it('ends with one line of JSON that says what it did', async () => {
    const project = ordersProject()
    await project.run('apply')
    const { code, stdout, stderr } = await project.run('run', 'orders/import_orders', '--logical-date', '2026-03-01')
    expect(code).toBe(0)
    expect(stdout.split('\n')).toHaveLength(2)
    expect(lastLine(stdout)).toEqual({
      stage: 'orders/import_orders',
      kind: 'done',
      result: {
        ...{ runId: 'manual__2026-03-01T00:00:00.000Z', attempt: 1, logicalDate: '2026-03-01T00:00:00.000Z' },
        ...{ pages: 1, appended: 4, deadLetters: 2, filtered: 0, finished: true, elapsedMs: expect.any(Number) },
      },
    })
    expect(stderr).toContain('manual__2026-03-01T00:00:00.000Z, attempt 1: files → orders')
  })

  it('needs what apply creates, and says so', async () => {
    const project = ordersProject()
    const before = await project.run('run', 'orders/import_orders')
    expect(before.code).toBe(2)
    expect(before.stderr).toContain('Run `millrace dev` or `millrace apply` first')
    expect(lastLine(before.stdout)).toMatchObject({ kind: 'never', error: { code: 'NOT_FOUND' } })
    const other = Project.create({
      'pipelines/orders.ts': ordersPipeline,
      'pipelines/users.ts': usersPipeline,
      'orders.ndjson': '',
    })
    await other.run('apply', 'orders')
    const missing = await other.run('run', 'users/fetch')
    expect(missing.code).toBe(2)
    expect(missing.stderr).toContain('✗ The topic users does not exist.')
    expect(missing.stderr).toContain('Run `millrace apply` first')
  })

  it('fails, to be tried again, where the API cannot be reached: no simulator stands in', async () => {
    const project = usersProject('http://127.0.0.1:9/')
    await project.run('apply')
    const { code, stdout, stderr } = await project.run('run', 'users/fetch', '--duration', '300ms')
    expect(code).toBe(1)
    expect(lastLine(stdout)).toMatchObject({ kind: 'retry', error: { retry: 'later' }, result: { attempt: 1 } })
    expect(stderr).toMatch(/code {3}SOURCE_(TIMEOUT|UNREACHABLE)/)
  })

  it('goes on in a second attempt where an interrupted one stopped', async () => {
    const starter = usersProject('')
    const project = usersProject(await simulator(starter))
    await project.run('apply')
    const date = ['--logical-date', '2026-03-01']
    const first = project.start('run', 'users/fetch', ...date, '--json')
    await first.line(/"kind":"progress"/)
    const interrupted = await first.interrupt('SIGTERM')
    expect(interrupted.code).toBe(143)
    expect(interrupted.stderr).toContain(
      'To go on with this run, add: --logical-date 2026-03-01T00:00:00.000Z --attempt 2',
    )
    const seen = lastLine(interrupted.stdout).result.pages
    const second = await project.run('run', 'users/fetch', ...date, '--attempt', '2', '--duration', '3s')
    expect(second.code).toBe(0)
    expect(lastLine(second.stdout).result.pages).toBeGreaterThanOrEqual(seen)
  })

  it('starts a run over that had finished and was cleared', async () => {
    const project = ordersProject()
    await project.run('apply')
    const run = (...options: string[]) =>
      project.run('run', 'orders/import_orders', '--logical-date', '2026-03-01', ...options)
    await run()
    expect(lastLine((await run('--attempt', '2')).stdout)).toMatchObject({ result: { appended: 4 } })
    const cleared = await run(
      '--attempt',
      '3',
      '--cleared',
      '--interval',
      '2026-03-01T00:00:00Z/2026-03-02T00:00:00+00:00',
    )
    expect(cleared.stderr).toContain('Reading files from its start.')
    const wrong = await run('--interval', '2026-03-02/2026-03-01')
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('the start first') })
  })

  it('ends when the process that started it is killed, if asked to', async () => {
    const starter = usersProject('')
    const project = usersProject(await simulator(starter))
    await project.run('apply')
    const command = [process.execPath, bin, 'run', 'users/fetch', '--json', '--with-parent']
    const parent = spawn('bash', ['-c', '"$@" & wait', 'bash', ...command], {
      cwd: project.directory,
      env: { ...process.env, ...project.env, MILLRACE_STATE: project.statePath },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    // Whoever has nobody to write to ends.
    onTestFinished(() => void parent.stdout.destroy())
    let last = ''
    for await (const line of createInterface(parent.stdout)) {
      if (last === '') parent.kill('SIGKILL')
      last = line
    }
    expect(JSON.parse(last)).toMatchObject({ kind: 'retry', error: { code: 'RUN_CANCELLED' } })
  })

  it('refuses an attempt that would go on with no run in particular, and a stage that is not there', async () => {
    const project = ordersProject()
    await project.run('apply')
    const attempt = await project.run('run', 'orders/import_orders', '--attempt', '2')
    expect(attempt.code).toBe(2)
    expect(attempt.stderr).toContain('Give --logical-date as the first attempt had it.')
    const stage = await project.run('run', 'orders/nothing')
    expect(stage.code).toBe(2)
    expect(stage.stderr).toContain('Use one of: orders/import_orders, orders/place.')
  })
})

describe('run of a stream stage', () => {
  it('ends when it has caught up, if asked to', async () => {
    const project = ordersProject()
    await project.run('apply')
    await project.run('run', 'orders/import_orders')
    const { code, stdout } = await project.run('run', 'orders/place', '--until-caught-up')
    expect(code).toBe(0)
    const result = { records: 4, rows: 3, deadLetters: 0, filtered: 1 }
    expect(lastLine(stdout)).toEqual({ stage: 'orders/place', kind: 'done', result })
    const again = await project.run('run', 'orders/place', '--until-caught-up')
    expect(lastLine(again.stdout).result.records).toBe(0)
  })

  it('says with --json each state it gets into', async () => {
    const project = ordersProject()
    await project.run('apply')
    const { stdout } = await project.run('run', 'orders/place', '--until-caught-up', '--json')
    const states = jsonLines(stdout).filter(({ kind }) => kind === 'state')
    expect(states.map(({ state }) => state)).toEqual(['starting', 'running', 'draining'])
    expect(states.every(({ error }) => error === null)).toBe(true)
  })

  it('waits at its start for a registry that is down, says why, and goes on by itself', async () => {
    const { project, port } = await remoteRegistryProject()
    const running = project.start('run', 'orders/place', '--target', 'remote', '--until-caught-up', '--json')
    await running.line(/"state":"paused"/)
    await project.start('registry', '--port', String(port)).line(/^http/)
    const { code, stdout, stderr } = await running.finished
    expect(code).toBe(0)
    expect(stderr).toContain('warn  Waiting: The schema registry did not answer: the connection was refused.')
    const [first, ...others] = jsonLines(stdout)
    expect(first).toMatchObject({ kind: 'state', state: 'paused', error: { code: 'REGISTRY_UNREACHABLE' } })
    expect(others.at(-1)).toMatchObject({ kind: 'done', result: { records: 4, rows: 3 } })
  })

  it('ends in order when it is told to while it waits at its start', async () => {
    const { project } = await remoteRegistryProject()
    const running = project.start('run', 'orders/place', '--target', 'remote', '--json')
    await running.line(/"state":"paused"/)
    const { code, stdout } = await running.interrupt('SIGTERM')
    expect(code).toBe(0)
    expect(lastLine(stdout)).toMatchObject({ kind: 'done', result: { records: 0 } })
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('drains on %s and is then done', async signal => {
    const project = ordersProject()
    await project.run('apply')
    const running = project.start('run', 'orders/place')
    await running.line(/orders → shop\.placed, group orders\.place/)
    const { code, stdout } = await running.interrupt(signal)
    expect(code).toBe(0)
    expect(lastLine(stdout)).toMatchObject({ kind: 'done' })
  })
})
