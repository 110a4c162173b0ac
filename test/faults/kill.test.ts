import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import users from '../../pipelines/users.ts'
import { openEmbeddedLog } from '../../src/adapters/embedded/log/log.ts'
import { openEmbeddedOrchestrator } from '../../src/adapters/embedded/orchestrator/orchestrator.ts'
import { openEmbeddedRegistry } from '../../src/adapters/embedded/registry/registry.ts'
import { openStateDirectory } from '../../src/adapters/embedded/state-directory.ts'
import { openEmbeddedTables } from '../../src/adapters/embedded/table/table-store.ts'
import { startSimulator } from '../../src/adapters/http/simulator.ts'
import { systemClock, systemRandom } from '../../src/adapters/system/clock.ts'
import { createDecoder } from '../../src/engine/codec.ts'
import { fromDeadLetterRecord } from '../../src/engine/dead-letters.ts'
import { compile } from '../../src/plan/compile.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { temporaryDirectory } from '../support.ts'
import { type RecordingProxy, recordingProxy } from './recording-proxy.ts'

const kills = 20
const root = resolve(import.meta.dirname, '../..')
const plan = compile(users)
const [topic] = plan.topics
const [table] = plan.tables

it(`dev, killed at ${kills} moments, loses nothing, repeats nothing and never runs ahead (G1–G5)`, {
  timeout: 240_000,
}, async () => {
  const simulator = await startSimulator({ faults: { badRecordEvery: 97 } })
  onTestFinished(() => simulator.close())
  const proxy = await recordingProxy(simulator.url)
  const statePath = temporaryDirectory()
  const random = seededRandom('kill')
  let grown = 0
  for (let kill = 0; kill < kills; kill++) {
    const dev = startDev(statePath, proxy.url)
    // In turn while records flow, and anywhere from the first instruction on.
    if (kill % 2 === 0) await firstPage(dev, proxy, grown)
    await systemClock.sleep(random.next() * 800)
    dev.kill('SIGKILL')
    await once(dev, 'exit')
    const state = await readState(statePath)
    expectConsistent(state, proxy)
    grown = proxy.pages.size
  }
  const dev = startDev(statePath, proxy.url)
  await firstPage(dev, proxy, grown)
  dev.kill('SIGINT')
  expect(await once(dev, 'exit')).toEqual([0, null])
  const rest = millrace(statePath, proxy.url, 'run', 'users/spark_stream', '--until-caught-up')
  expect(await once(rest, 'exit')).toEqual([0, null])

  const state = await readState(statePath)
  expectConsistent(state, proxy)
  expect(proxy.changed).toEqual([])
  expect(proxy.seeds.size).toBe(1)
  expect(state.runs).toBe(1)
  expect(state.attempts).toBeGreaterThanOrEqual(kills / 2)
  // All of the topic is in the table, and nothing else.
  expect(state.rows).toEqual(new Map(state.records.map(({ id, row }) => [id, row])))
})

function startDev(statePath: string, url: string): ChildProcess {
  return millrace(statePath, url, 'dev', 'users', '--pace', '3000/s')
}

function millrace(statePath: string, url: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [join(root, 'bin/millrace.js'), ...args, '--json'], {
    cwd: root,
    env: { ...process.env, MILLRACE_STATE: statePath, RANDOM_USER_URL: url },
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Waits until the process has asked for a page that none before it asked for. */
async function firstPage(dev: ChildProcess, proxy: RecordingProxy, known: number): Promise<void> {
  const since = systemClock.elapsed()
  while (proxy.pages.size <= known) {
    if (systemClock.elapsed() - since > 30_000) throw new Error('dev asked for no further page in 30 s')
    if (dev.exitCode !== null) throw new Error(`dev ended by itself with code ${dev.exitCode}`)
    await systemClock.sleep(5)
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
async function readState(path: string): Promise<State> {
  const state = await openStateDirectory(path, { mode: 'shared' })
  const log = openEmbeddedLog({ path: state.logPath, clock: systemClock })
  const registry = openEmbeddedRegistry({ path: state.registryPath })
  const tables = openEmbeddedTables({ directory: state.tablesDirectory })
  const orchestrator = openEmbeddedOrchestrator({
    path: state.orchestratorPath,
    clock: systemClock,
    random: systemRandom,
  })
  try {
    const decoder = createDecoder({ node: topic!.value, avro: topic!.avro, registry })
    const checkpoints = await tables.admin.checkpoints(table!, 'users/spark_stream')
    const records: State['records'][number][] = []
    const all = { maxRecords: 1_000_000, maxBytes: 2 ** 30, waitMs: 0 }
    for (const { partition, start } of await log.admin.ranges(topic!.name)) {
      const next = checkpoints.find(each => each.partition === partition)?.next ?? 0
      const batch = await log.admin.read(topic!.name, partition, start, all)
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
    const letters = (await log.admin.read(topic!.deadLetterTopic, 0, 0, all)).map(
      each => fromDeadLetterRecord(each)!.id,
    )
    const runs = (await orchestrator.admin.runs({ dag: 'user_automation' })).items
    const cursor = await log.admin.committed(`users.user_automation.${runs[0]!.logicalDate}`, topic!.name)
    return { pages: cursor[0]?.next ?? 0, records, rows, letters, runs: runs.length, attempts: runs[0]!.attempts }
  } finally {
    await log.close()
    await registry.close()
    await tables.close()
    await orchestrator.close()
    await state.close()
  }
}

function expectConsistent(state: State, proxy: RecordingProxy): void {
  const sent = Array.from({ length: state.pages }, (_, index) => proxy.pages.get(index + 1)!).flat() as SentUser[]
  const good = sent.filter(({ gender }) => typeof gender === 'string').map(({ login }) => login.uuid)
  // G1: the topic has every accepted record of the pages it says it has, each once, and no other.
  expect(state.records.map(({ id }) => id).sort()).toEqual(good.sort())
  // G5: and each of the others is one dead letter.
  expect(state.letters.length).toBe(sent.length - good.length)
  expect(new Set(state.letters).size).toBe(state.letters.length)
  // G3, G2: the table has exactly what its checkpoint says, field for field.
  expect(state.rows).toEqual(new Map(state.records.filter(({ done }) => done).map(({ id, row }) => [id, row])))
}

interface SentUser {
  readonly gender: unknown
  readonly login: { readonly uuid: string }
}
