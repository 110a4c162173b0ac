import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import users from '../../pipelines/users.ts'
import { startSimulator } from '../../src/adapters/http/simulator.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { createDecoder } from '../../src/engine/codec.ts'
import { fromDeadLetterRecord } from '../../src/engine/dead-letters.ts'
import { compile } from '../../src/plan/compile.ts'
import type { Log, LogRecord } from '../../src/ports/log.ts'
import type { TargetConfig } from '../../src/sdk/config.ts'
import { MillraceError } from '../../src/sdk/errors.ts'
import { openTarget } from '../../src/targets.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { temporaryDirectory } from '../support.ts'
import { type RecordingProxy, recordingProxy } from './recording-proxy.ts'

const root = resolve(import.meta.dirname, '../..')
const plan = compile(users)
const [topic] = plan.topics
const [table] = plan.tables

export interface KillRound {
  readonly kills: number
  /** The project whose target it is, with the users pipeline as it is. */
  readonly project: string
  readonly targetName: string
  readonly target: TargetConfig
  readonly env: NodeJS.ProcessEnv
}

/**
 * Starts `dev` and kills it, again and again, each time checking all that is durable; then lets it end in order and catch up,
 * and checks that nothing is missing, nothing is twice, and every row is field for field what the API sent.
 */
export async function killRound(round: KillRound): Promise<void> {
  const simulator = await startSimulator({ faults: { badRecordEvery: 97 } })
  onTestFinished(() => simulator.close())
  const proxy = await recordingProxy(simulator.url)
  const statePath = temporaryDirectory()
  const start = (...args: readonly string[]) => millrace(round, statePath, proxy.url, ...args)
  const startDev = () => start('dev', 'users', '--pace', '3000/s')
  const random = seededRandom('kill')
  let grown = 0
  for (let kill = 0; kill < round.kills; kill++) {
    const dev = startDev()
    // In turn while records flow, and anywhere from the first instruction on.
    if (kill % 2 === 0) await firstPage(dev, proxy, grown)
    await systemClock.sleep(random.next() * 800)
    dev.kill('SIGKILL')
    await once(dev, 'exit')
    // A transaction that was cut off hides what came after it until the next start of its producer ends it.
    await consistentState(round, statePath, proxy).catch(passUnreadable)
    grown = proxy.pages.size
  }
  const dev = startDev()
  await firstPage(dev, proxy, grown)
  dev.kill('SIGINT')
  expect(await once(dev, 'exit')).toEqual([0, null])
  const rest = start('run', 'users/spark_stream', '--until-caught-up')
  expect(await once(rest, 'exit')).toEqual([0, null])

  const state = await consistentState(round, statePath, proxy)
  expect(proxy.changed).toEqual([])
  expect(proxy.seeds.size).toBe(1)
  expect(state.runs).toBe(1)
  expect(state.attempts).toBeGreaterThanOrEqual(round.kills / 2)
  // All of the topic is in the table, and nothing else.
  expect(state.rows).toEqual(new Map(state.records.map(({ id, row }) => [id, row])))
}

function millrace(round: KillRound, statePath: string, url: string, ...args: readonly string[]): ChildProcess {
  const options = ['--project', round.project, '--target', round.targetName, '--json']
  const child = spawn(process.execPath, [join(root, 'bin/millrace.js'), ...args, ...options], {
    env: { ...process.env, ...round.env, MILLRACE_STATE: statePath, RANDOM_USER_URL: url },
    stdio: 'ignore',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Waits until the process has asked for a page that none before it asked for. */
async function firstPage(dev: ChildProcess, proxy: RecordingProxy, known: number): Promise<void> {
  const since = systemClock.elapsed()
  while (proxy.pages.size <= known) {
    if (systemClock.elapsed() - since > 120_000) throw new Error('dev asked for no further page in two minutes')
    if (dev.exitCode !== null) throw new Error(`dev ended by itself with code ${dev.exitCode}`)
    await systemClock.sleep(5)
  }
}

function passUnreadable(thrown: unknown): void {
  if (!(thrown instanceof MillraceError && thrown.retry === 'later')) throw thrown
}

/**
 * What is durable, once it is consistent. An embedded target has to be at once; brokers finish the transaction of a process that
 * was killed a moment later.
 */
async function consistentState(round: KillRound, statePath: string, proxy: RecordingProxy): Promise<State> {
  const embedded = round.target.log.adapter === 'embedded'
  const until = systemClock.elapsed() + (embedded ? 0 : 60_000)
  for (;;) {
    const state = await readState(round, statePath)
    try {
      expectConsistent(state, proxy, round.target.table.adapter === 'embedded')
      return state
    } catch (thrown) {
      if (systemClock.elapsed() >= until) throw thrown
      await systemClock.sleep(250)
    }
  }
}

interface State {
  readonly pages: number
  /** In partition order. */
  readonly records: readonly { readonly id: string; readonly row: unknown; readonly done: boolean }[]
  readonly rows: ReadonlyMap<string, unknown>
  readonly letters: readonly string[]
  readonly runs: number
  readonly attempts: number
}

/** Reads everything that is durable, by other means than the stages do. */
async function readState({ target: config, env }: KillRound, statePath: string): Promise<State> {
  const target = await openTarget({ config, statePath, projectDirectory: root, env: { ...process.env, ...env } })
  try {
    const [log, registry, tables] = await Promise.all([target.log(), target.registry(), target.tables()])
    const decoder = createDecoder({ node: topic!.value, avro: topic!.avro, registry })
    const processed =
      config.table.adapter === 'embedded'
        ? await tables.admin.checkpoints(table!, 'users/spark_stream')
        : await log.admin.committed('users.spark_stream', topic!.name)
    const records: State['records'][number][] = []
    for (const { partition, start, end } of await log.admin.ranges(topic!.name)) {
      const next = processed.find(each => each.partition === partition)?.next ?? 0
      const batch = await readAll(log, topic!.name, partition, start, end)
      await decoder.prepare(batch)
      for (const { value, offset } of batch) {
        const row = { ...decoder.decode(value!) }
        records.push({ id: String(row.id), row, done: offset < next })
      }
    }
    const rows = new Map<string, unknown>()
    for (let after: string | null | undefined; after !== null; ) {
      const page = await tables.admin.rows(table!, { limit: 1_000, ...(after && { after }) })
      for (const row of page.items) rows.set(String(row.id), { ...row })
      after = page.next
    }
    const [letterRange] = await log.admin.ranges(topic!.deadLetterTopic)
    const letters = await readAll(log, topic!.deadLetterTopic, 0, letterRange!.start, letterRange!.end)
    const runs = (await (await target.orchestrator()).admin.runs({ dag: 'user_automation' })).items
    const cursor = await log.admin.committed(`users.user_automation.${runs[0]!.logicalDate}`, topic!.name)
    return {
      pages: cursor[0]?.next ?? 0,
      records,
      rows,
      letters: letters.map(each => fromDeadLetterRecord(each)!.id),
      runs: runs.length,
      attempts: runs[0]!.attempts,
    }
  } finally {
    await target.close()
  }
}

async function readAll(log: Log, topic: string, partition: number, start: number, end: number): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  for (let next = start; next < end; ) {
    const part = await log.admin.read(topic, partition, next, { maxRecords: 10_000, maxBytes: 2 ** 24, waitMs: 0 })
    const last = part.at(-1)
    if (last === undefined) break
    records.push(...part)
    next = last.offset + 1
  }
  return records
}

function expectConsistent(state: State, proxy: RecordingProxy, atomic: boolean): void {
  const sent = Array.from({ length: state.pages }, (_, index) => proxy.pages.get(index + 1)!).flat() as SentUser[]
  const good = sent.filter(({ gender }) => typeof gender === 'string').map(({ login }) => login.uuid)
  // G1: the topic has every accepted record of the pages it says it has, each once, and no other.
  expect(state.records.map(({ id }) => id).sort()).toEqual(good.sort())
  // G5: and each of the others is one dead letter.
  expect(state.letters.length).toBe(sent.length - good.length)
  expect(new Set(state.letters).size).toBe(state.letters.length)
  // G3: everything before the checkpoint is in the table, field for field (G2).
  const rowsOf = (records: State['records']) => new Map(records.map(({ id, row }) => [id, row]))
  const done = rowsOf(state.records.filter(each => each.done))
  if (atomic) expect(state.rows).toEqual(done)
  else {
    for (const [id, row] of done) expect(state.rows.get(id)).toEqual(row)
    const all = rowsOf(state.records)
    for (const [id, row] of state.rows) expect(row).toEqual(all.get(id))
  }
}

interface SentUser {
  readonly gender: unknown
  readonly login: { readonly uuid: string }
}
