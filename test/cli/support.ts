import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { embedded } from '../../src/sdk/config.ts'
import { openTarget } from '../../src/targets.ts'

const root = resolve(import.meta.dirname, '../..')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

type OnEnd = (cleanup: () => void) => void

/** The command line in a project of the test's own. */
export class Project {
  readonly directory: string
  readonly statePath: string
  /** Added to every command's environment. */
  readonly env: { readonly [name: string]: string }
  readonly #onEnd: OnEnd

  private constructor(directory: string, env: { readonly [name: string]: string }, onEnd: OnEnd) {
    this.directory = directory
    this.statePath = join(directory, 'state')
    this.env = env
    this.#onEnd = onEnd
  }

  /**
   * @param files by their paths; `millrace.config.ts` lists those in `pipelines/`
   * @param onEnd when what was made and started is to go; default: with the test
   */
  static create(
    files: { readonly [path: string]: string },
    env: { readonly [name: string]: string } = {},
    onEnd: OnEnd = onTestFinished,
  ): Project {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-test-'))
    onEnd(() => rmSync(directory, { recursive: true, force: true }))
    const pipelines = Object.keys(files).filter(path => /^pipelines\/.*\.ts$/.test(path))
    const config = `import { defineConfig, embedded } from 'millrace'
export default defineConfig({ pipelines: ${JSON.stringify(pipelines)}, targets: { local: embedded() } })`
    const all = { 'package.json': '{"type":"module"}', 'millrace.config.ts': config, ...files }
    for (const [path, text] of Object.entries(all)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true })
      writeFileSync(join(directory, path), text)
    }
    mkdirSync(join(directory, 'node_modules'))
    symlinkSync(root, join(directory, 'node_modules', 'millrace'))
    return new Project(directory, env, onEnd)
  }

  /** Starts a command; it is killed with the project at the latest. */
  start(...args: readonly string[]): Running {
    const env: NodeJS.ProcessEnv = { ...process.env, MILLRACE_STATE: this.statePath, ...this.env }
    delete env.FORCE_COLOR
    const child = spawn(process.execPath, [join(root, 'bin/millrace.js'), ...args], { cwd: this.directory, env })
    this.#onEnd(() => void child.kill('SIGKILL'))
    return new Running(child)
  }

  run(...args: readonly string[]): Promise<Finished> {
    return this.start(...args).finished
  }

  /** What a command that succeeds prints with `--json`. */
  async json(...args: readonly string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.run(...args, '--json')
    if (code !== 0) throw new Error(`millrace ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
    return JSON.parse(stdout)
  }
}

/** Appends bytes to a topic of the project, as any other producer may. */
export async function appendBytes(project: Project, topic: string, key: string, value: string): Promise<void> {
  const { statePath, directory } = project
  const target = await openTarget({ config: embedded(), statePath, projectDirectory: directory, env: {} })
  const producer = await (await target.log()).producer('test')
  await producer.append([{ topic, key: Buffer.from(key), value: Buffer.from(value) }])
  await producer.close()
  await target.close()
}

/** A command that runs. */
export class Running {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  readonly #output = { stdout: '', stderr: '' }
  readonly #lines: string[] = []
  readonly #waiting = new Set<() => void>()

  constructor(child: ChildProcess) {
    this.child = child
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]!.setEncoding('utf8').on('data', (text: string) => {
        this.#output[name] += text
      })
      createInterface({ input: child[name]! }).on('line', line => {
        this.#lines.push(line)
        for (const check of this.#waiting) check()
      })
    }
    this.finished = once(child, 'close').then(([code]) => ({ code: code as number | null, ...this.#output }))
  }

  /** The first line of either output that matches; rejects if the command ends without one. */
  async line(pattern: RegExp): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const check = () => {
      const found = this.#lines.find(line => pattern.test(line))
      if (found !== undefined) resolve(found)
    }
    this.#waiting.add(check)
    this.finished.then(({ code, stdout, stderr }) => {
      reject(new Error(`It ended with ${code} before a line matched ${pattern}:\n${stdout}${stderr}`))
    })
    check()
    return promise.finally(() => this.#waiting.delete(check))
  }

  interrupt(signal: 'SIGINT' | 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal)
    return this.finished
  }
}

/** Orders from a file: one ingest, one stream stage. */
export const ordersPipeline = `import { files, gt, pipeline, t, table, topic } from 'millrace'

const order = t.record('Order', { id: t.int(), customer: t.text(), total: t.decimal(10, 2), note: t.optional(t.text()) })
const orders = topic('orders', { key: 'id', value: order, partitions: 2 })
const placed = table('shop.placed', { row: order, primaryKey: ['id'] })

export default pipeline('orders')
  .ingest('import_orders', { schedule: null, from: files({ path: 'orders.ndjson', schema: order }), into: orders })
  .stream('place', { from: orders, into: placed, where: o => gt(o.id, 0) })
`

/** Two are not orders, and one is left out. */
export const orderLines = [
  '{"id":1,"customer":"Álvaro","total":"12.50"}',
  '{"id":2,"customer":"李","total":"7.00","note":"gift"}',
  '{"id":3,"customer":"NULL","total":"100.00"}',
  '{"id":0,"customer":"nobody","total":"0.00"}',
  '{"id":"four","customer":"x","total":"1.00"}',
  '{"id":5,',
]

export function ordersProject(onEnd?: OnEnd): Project {
  const files = { 'pipelines/orders.ts': ordersPipeline, 'orders.ndjson': `${orderLines.join('\n')}\n` }
  return Project.create(files, {}, onEnd)
}

/** The same, imported each day, and applied. */
export async function dailyOrders(): Promise<Project> {
  const pipeline = ordersPipeline.replace('schedule: null', `schedule: '@daily'`)
  const project = Project.create({ 'pipelines/orders.ts': pipeline, 'orders.ndjson': `${orderLines.join('\n')}\n` })
  await project.json('apply')
  return project
}

/** With everything applied, imported and placed. */
export async function placedOrders(onEnd?: OnEnd): Promise<Project> {
  const project = ordersProject(onEnd)
  for (const args of [['apply'], ['run', 'orders/import_orders'], ['run', 'orders/place', '--until-caught-up']]) {
    const { code, stderr } = await project.run(...args)
    if (code !== 0) throw new Error(stderr)
  }
  return project
}
