/**
 * The ingest stage into a real Kafka against a bare program that does the same work, and what it appends with, by itself,
 * against the bare client that only produces the same records. Programs take turns, each in a process of its own; the bare
 * client is first paired with itself.
 *
 *     npm run bench:ingest -- [--users 500000] [--page 5000] [--pairs 5]
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { type Column, comparison, pairs, spread } from './figures.ts'
import { TopicCount } from './ingest/topic-count.ts'
import { machine, withEngines } from './stack/bench.ts'
import type { Programs, Usage } from './stack/programs.ts'

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
const programs = {
  millrace: 'ingest/ours.ts',
  append: 'ingest/append.ts',
  produce: 'baselines/produce.ts',
  'same work': 'baselines/ingest.ts',
}
type Name = keyof typeof programs

const columns: readonly Column<Result>[] = [
  { title: 'records/s', of: ({ rate }) => rate, digits: 0, withRatio: true },
  { title: 'µs CPU a record', of: ({ cpuMicros }) => cpuMicros, digits: 1 },
]

async function measure(name: Name, { engines, setting }: Programs, url: string, topic: TopicCount): Promise<Result> {
  const { broker } = engines
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

await withEngines(async bench => {
  const { name: topicName, partitions } = bench.setting.topics.avro
  const topic = new TopicCount(bench.engines.broker, topicName, partitions)
  const api: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'api.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const compare = async (url: string, name: Name, other: Name) => {
    const run = (which: Name) => () => measure(which, bench, url, topic)
    const both = await pairs(count, run(name), run(other))
    console.log(`\n${name} and ${other}; load of the machine ${loadavg()[0]!.toFixed(1)}`)
    console.log(comparison([name, other], both, columns))
    for (const step of Object.keys(both[0]![0].steps)) {
      const micros = both.map(([{ steps }]) => (steps[step]! * 1_000) / users)
      if (Math.max(...micros) >= 0.05) console.log(`  ${step}: ${spread(micros, 1)} µs a record`)
    }
  }
  try {
    const [said] = (await once(api.stdout!, 'data')) as [Buffer]
    const url = said.toString().trim()
    console.log(`${users} users in pages of ${pageSize}, ${machine()} of ${count} pairs`)
    await compare(url, 'produce', 'produce')
    await compare(url, 'append', 'produce')
    await compare(url, 'millrace', 'same work')
  } finally {
    api.kill()
    await topic.close()
  }
})
