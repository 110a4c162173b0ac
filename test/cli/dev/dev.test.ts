import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type SimulatorFaults, startSimulator } from '../../../src/adapters/http/simulator.ts'
import type { ErrorReport } from '../../../src/sdk/errors.ts'
import { Project, type Running } from '../support.ts'

const root = resolve(import.meta.dirname, '../../..')
/** Nothing listens there: the port is reserved. */
const closedUrl = 'http://127.0.0.1:1/api/'

/** The pipeline that `npm start` runs, with a shorter run. */
function usersProject(url: string, duration = '2s'): Project {
  const text = readFileSync(join(root, 'pipelines/users.ts'), 'utf8').replace("'60s'", `'${duration}'`)
  return Project.create({ 'pipelines/users.ts': text }, { RANDOM_USER_URL: url })
}

async function reachableUrl(faults: SimulatorFaults = {}): Promise<string> {
  const simulator = await startSimulator({ faults })
  onTestFinished(() => simulator.close())
  return simulator.url
}

/** A line of `dev --json`. */
interface Line {
  readonly kind: string
  readonly text: string
  readonly [fact: string]: unknown
}

async function lineOf(dev: Running, kind: string, pattern = ''): Promise<Line> {
  return JSON.parse(await dev.line(new RegExp(`"kind":"${kind}".*${pattern}`))) as Line
}

/** Ends it as Ctrl-C does and returns its last line. */
async function stop(dev: Running): Promise<Line> {
  const { code, stdout, stderr } = await dev.interrupt('SIGINT')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Line
}

interface RunLine {
  readonly runId: string
  readonly state: string
  readonly note: string | null
  readonly attempts: number
}

async function runsOf(project: Project): Promise<readonly RunLine[]> {
  return ((await project.json('runs')) as { runs: readonly RunLine[] }).runs
}

const totals = (stopped: Line) =>
  (stopped.stages as readonly { readonly total: number; readonly lag: number | null }[]).map(({ total }) => total)

describe('dev without its API', () => {
  it('has a first row from the simulator at once, and names it on the terminal and on the run', async () => {
    const project = usersProject(closedUrl)
    const dev = project.start('dev', '--json')
    expect(await lineOf(dev, 'source')).toMatchObject({
      text: expect.stringContaining('SIMULATED DATA'),
      simulated: `${closedUrl} cannot be reached, so the bundled simulator stands in for it.`,
    })
    expect((await lineOf(dev, 'first-row')).firstRowMs).toBeLessThan(60_000)
    const note = `Simulated data: ${closedUrl} cannot be reached, so the bundled simulator stands in for it.`
    expect(await runsOf(project)).toMatchObject([{ note }])

    const second = await project.run('dev', '--json')
    expect(second.code).toBe(1)
    const { error } = JSON.parse(second.stdout) as { error: ErrorReport }
    expect(error).toMatchObject({ code: 'STATE_IN_USE', message: expect.stringContaining(`process ${dev.child.pid} `) })

    const run = await lineOf(dev, 'run', '"state":"success"')
    expect(run).toMatchObject({ durationMs: 2_000 })
    expect(run.elapsedMs).toBeGreaterThanOrEqual(2_000)
    await stop(dev)
  })
})

describe('dev with its API', () => {
  it('reads it, and is not called simulated', async () => {
    const url = await reachableUrl()
    const project = usersProject(url)
    const dev = project.start('dev', '--json')
    expect(await lineOf(dev, 'source')).toMatchObject({ address: url, simulated: null })
    await lineOf(dev, 'first-row')
    expect(await runsOf(project)).toMatchObject([{ note: null }])
    await stop(dev)
  })

  it('does not replace one that answers, however badly', async () => {
    const url = await reachableUrl({ status500Every: 1 })
    const dev = usersProject(url).start('dev', '--json')
    expect(await lineOf(dev, 'source')).toMatchObject({ address: url, simulated: null })
    await stop(dev)
  })

  it('goes on where Ctrl-C stopped it: same run, next attempt, every user once (G1, G4)', async () => {
    const project = usersProject(await reachableUrl(), '10s')
    const first = project.start('dev', '--json')
    await lineOf(first, 'first-row')
    const [topicBefore] = totals(await stop(first))
    expect(topicBefore).toBeGreaterThan(0)
    const [stopped] = await runsOf(project)
    expect(stopped).toMatchObject({ state: 'queued', attempts: 1 })

    const second = project.start('dev', '--json')
    expect(await lineOf(second, 'run', '"state":"success"')).toMatchObject({ runId: stopped!.runId, attempt: 2 })
    const [topicAfter] = totals(await stop(second))
    expect(topicAfter).toBeGreaterThan(topicBefore!)
    // The stage may have had a page left.
    expect(await project.run('run', 'users/spark_stream', '--until-caught-up')).toMatchObject({ code: 0 })
    expect(await runsOf(project)).toMatchObject([{ state: 'success', attempts: 2 }])

    const third = project.start('dev', '--json')
    const last = await lineOf(third, 'run')
    expect(last).toMatchObject({ state: 'success', runId: stopped!.runId })
    expect(last.elapsedMs).toBeGreaterThanOrEqual(10_000)
    expect((await lineOf(third, 'next-step')).text).toContain('trigger user_automation')
    // A user has one id in every attempt: one that came twice would be one row of two records.
    expect(totals(await stop(third))).toEqual([topicAfter, topicAfter])
    expect(await runsOf(project)).toHaveLength(1)
  })
})

describe('an API that answers and then no longer does', () => {
  const answers = {
    SOURCE_FAILED: { status: 500, body: '{"error":"Out of memory"}' },
    SOURCE_THROTTLED: { status: 429, body: '{"error":"Slow down"}' },
    SOURCE_MALFORMED: { status: 200, body: '<!doctype html><title>Maintenance</title>' },
  } as const

  it.each(Object.entries(answers))('fails the run with %s, keeps what came, and dev stays up', async (code, answer) => {
    let requests = 0
    const server = createServer((_, response) => {
      requests += 1
      if (requests > 2) response.writeHead(answer.status, { 'content-type': 'text/plain' }).end(answer.body)
      else response.end(JSON.stringify({ results: [{ email: `${requests}@x` }, { email: `${requests}@y` }] }))
    })
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const project = Project.create({ 'pipelines/mails.ts': mailsPipeline(url) })
    const dev = project.start('dev', '--json')
    const run = await lineOf(dev, 'run', '"state":"failed"')
    expect(run.error).toMatchObject({ code, place: expect.stringContaining(url) })
    expect(run.text).toContain(code)
    await lineOf(dev, 'first-row')

    // It still serves: another run fails too.
    await project.json('trigger', 'fetch_mails', '--run-id', 'manual__again')
    await lineOf(dev, 'run', '"runId":"manual__again","state":"failed"')
    expect(totals(await stop(dev))).toEqual([4, 4])
  })
})

/** Tries each page once and the run once, so that a failure is final at once. */
function mailsPipeline(url: string): string {
  return `import { http, pipeline, t, table, topic } from 'millrace'

const mail = t.record('Mail', { email: t.text() })
const mails = topic('mails', { key: 'email', value: mail })
const page = { kind: 'number', parameter: 'page' } as const

export default pipeline('mails')
  .ingest('fetch_mails', {
    schedule: '@daily',
    attempts: 1,
    from: http({ url: '${url}', records: 'results', page, schema: mail, limits: { tries: 1 } }),
    into: mails,
  })
  .stream('keep', { from: mails, into: table('post.mails', { row: mail, primaryKey: ['email'] }) })
`
}

describe('a state directory dev cannot have', () => {
  async function refusal(project: Project): Promise<{ code: number | null; error: ErrorReport }> {
    const { code, stdout } = await project.run('dev', '--json')
    return { code, error: (JSON.parse(stdout) as { error: ErrorReport }).error }
  }

  it('because a newer version wrote it', async () => {
    const project = usersProject(closedUrl)
    await mkdir(project.statePath)
    writeFileSync(join(project.statePath, 'state.json'), '{"version":99}\n')
    expect(await refusal(project)).toMatchObject({ code: 2, error: { code: 'STATE_VERSION' } })
  })

  it('because it cannot be written', async () => {
    const text = readFileSync(join(root, 'pipelines/users.ts'), 'utf8')
    // A file system in which nobody makes directories, not even root.
    const project = Project.create({ 'pipelines/users.ts': text }, { MILLRACE_STATE: '/sys/millrace' })
    expect(await refusal(project)).toMatchObject({
      code: 2,
      error: { code: 'STATE_READ_ONLY', fix: expect.stringContaining('MILLRACE_STATE') },
    })
  })
})
