/**
 * The ingest stage into a real Kafka, against the bare client that only produces the same records, and against a bare program
 * that does the same work. Programs take turns, each in a process of its own; the bare client is first paired with itself.
 *
 *     npm run bench:ingest -- [--users 500000] [--page 5000] [--pairs 5]
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { pairs, spread, table } from './figures.ts'
import { TopicCount } from './ingest/topic-count.ts'
import { type Engines, startEngines } from './stack/engines.ts'
import type { Usage } from './stack/programs.ts'
import { openSetting, type Setting } from './stack/setting.ts'

interface Result {
  readonly rate: number
  readonly cpuMicros: number
  readonly steps: { readonly [step: string]: number }
}

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '500000' },
    page: { type: 'string', default: '5000' },
    pairs: { type: 'string', default: '5' },
  },
})
const pageSize = Number(values.page)
const pages = Math.ceil(Number(values.users) / pageSize)
const users = pages * pageSize
const count = Number(values.pairs)
const programs = { millrace: 'ingest/ours.ts', produce: 'baselines/produce.ts', 'same work': 'baselines/ingest.ts' }
type Name = keyof typeof programs

async function measure(name: Name, { broker }: Engines, setting: Setting, url: string, topic: TopicCount) {
  const { schemaId, statePath } = setting
  const usagePath = join(statePath, 'usage.json')
  const options = { ...{ broker, schemaId, statePath, url, pages, pageSize }, topic: setting.topics.avro.name }
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      ...['--import', join(import.meta.dirname, 'stack/usage.js')],
      ...[join(import.meta.dirname, programs[name]), JSON.stringify(options)],
    ],
    { env: { ...process.env, BENCH_USAGE: usagePath, RANDOM_USER_URL: url } },
  )
  const { ms, steps = {} } = JSON.parse(stdout) as { readonly ms: number; readonly steps?: Result['steps'] }
  const records = await topic.count()
  if (records !== users) throw new Error(`${name} brought ${records} records of ${users} into the topic.`)
  const { cpuMicros } = JSON.parse(readFileSync(usagePath, 'utf8')) as Usage
  return { rate: (users / ms) * 1_000, cpuMicros: cpuMicros / users, steps }
}

const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const engines = await startEngines(directory)
process.env.BENCH_TARGET = JSON.stringify(engines.target)
const setting = await openSetting(join(directory, 'setting'))
const { name: topicName, partitions } = setting.topics.avro
const topic = new TopicCount(engines.broker, topicName, partitions)
const api: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'api.ts')], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const [said] = (await once(api.stdout!, 'data')) as [Buffer]
  const cpu = cpus()
  console.log(
    `${users} users in pages of ${pageSize}, ${cpu.length} × ${cpu[0]?.model}, Node ${process.version}; ` +
      `median (least–most) of ${count} pairs`,
  )
  const run = (name: Name) => () => measure(name, engines, setting, said.toString().trim(), topic)
  const line = (name: string, own: readonly Result[], ratios: readonly number[]) => [
    name,
    spread(
      own.map(({ rate }) => rate),
      0,
    ),
    spread(ratios, 2),
    spread(
      own.map(({ cpuMicros }) => cpuMicros),
      1,
    ),
  ]
  const compare = async (name: Name, other: Name) => {
    const both = await pairs(count, run(name), run(other))
    const [own, others] = [both.map(([a]) => a), both.map(([, b]) => b)]
    const ratios = both.map(([a, b]) => a.rate / b.rate)
    console.log(`\n${name} and ${other}; load of the machine ${loadavg()[0]!.toFixed(1)}`)
    console.log(
      table([
        ['', 'records/s', 'ratio', 'µs CPU a record'],
        line(name, own, ratios),
        line(
          other,
          others,
          ratios.map(() => 1),
        ),
      ]),
    )
    for (const step of Object.keys(own[0]!.steps)) {
      const micros = own.map(({ steps }) => (steps[step]! * 1_000) / users)
      if (Math.max(...micros) >= 0.05) console.log(`  ${step}: ${spread(micros, 1)} µs a record`)
    }
  }
  await compare('produce', 'produce')
  await compare('millrace', 'produce')
  await compare('millrace', 'same work')
} finally {
  api.kill()
  await topic.close()
  await setting.close()
  await engines.stop()
  rmSync(directory, { recursive: true, force: true })
}
