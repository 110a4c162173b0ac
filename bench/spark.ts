/**
 * Stages on Spark against spark-cassandra-connector on the newest Spark it runs on, from Kafka to Cassandra, and how long a
 * record takes at a fixed rate; on real engines that it starts (needs Java and Maven). Each run is a Spark of its own, with
 * its start left out. Programs take turns, and the connector is first paired with itself.
 *
 *     npm run bench:spark -- [throughput] [latency] [--users 300000] [--pairs 3] [--rate 1000] [--seconds 30]
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pairs, spread, table } from './figures.ts'
import { type Latency, measureLatency, usersOf } from './latency/measure.ts'
import { prepareJars } from './spark/jars.ts'
import { type SparkProgram, startSpark, type Trigger } from './spark/programs.ts'
import { startEngines } from './stack/engines.ts'
import { Rows } from './stack/rows.ts'
import { fill, openSetting } from './stack/setting.ts'
import { measureThroughput, type Throughput } from './stack/throughput.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    users: { type: 'string', default: '300000' },
    pairs: { type: 'string', default: '3' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
  },
})
const parts = positionals.length === 0 ? ['throughput', 'latency'] : positionals
const count = Number(values.pairs)

const jars = await prepareJars()
const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const engines = await startEngines(directory)
process.env.BENCH_TARGET = JSON.stringify(engines.target)
const setting = await openSetting(join(directory, 'setting'))
const programs = { engines, setting, directory }
const rows = new Rows(engines.contactPoint)
try {
  const cpu = cpus()
  console.log(`${cpu.length} × ${cpu[0]?.model}, Node ${process.version}; median (least–most)`)
  if (parts.includes('throughput')) await throughput(Number(values.users))
  if (parts.includes('latency')) await latency({ perSecond: Number(values.rate), seconds: Number(values.seconds) })
} finally {
  await rows.close()
  await setting.close()
  await engines.stop()
  rmSync(directory, { recursive: true, force: true })
}

async function throughput(users: number): Promise<void> {
  const ends = await fill(setting, ['avro', 'json'], users)
  const run = (name: SparkProgram) => () => {
    const topic = setting.topics[name === 'stage' ? 'avro' : 'json']
    return measureThroughput(name, () => startSpark(name, jars, programs, topic, 'availableNow'), rows, users, ends)
  }
  const line = (name: string, own: readonly Throughput[], ratios: readonly number[]) => [
    name,
    spread(
      own.map(each => each.rowsPerSecond),
      0,
    ),
    spread(ratios, 2),
    spread(
      own.map(each => each.cpuMicrosPerRow),
      1,
    ),
  ]
  for (const name of ['connector', 'sink', 'stage'] as const) {
    const both = await pairs(count, run(name), run('connector'))
    const [own, others] = [both.map(([a]) => a), both.map(([, b]) => b)]
    const ratios = both.map(([a, b]) => a.rowsPerSecond / b.rowsPerSecond)
    console.log(`\n${name} and connector, ${count} pairs of ${users.toLocaleString('en')} users; load ${load()}`)
    const header = ['', 'rows/s', 'ratio', 'µs CPU a row']
    console.log(
      table([
        header,
        line(name, own, ratios),
        line(
          'connector',
          others,
          others.map(() => 1),
        ),
      ]),
    )
  }
}

async function latency(rate: { readonly perSecond: number; readonly seconds: number }): Promise<void> {
  let first = 0
  const run = (trigger: Trigger) => async () => {
    const from = first
    first += usersOf(rate)
    const { avro } = setting.topics
    const topic = { ...avro, name: `${avro.name}_${randomUUID()}` }
    await setting.log.admin.createTopic(topic)
    const start = () => startSpark('stage', jars, programs, topic, trigger)
    const subject = { name: trigger, engines, topic: topic.name, schemaId: setting.schemaId, start }
    return measureLatency(subject, rows, { ...rate, first: from })
  }
  const both = await pairs(count, run('realTime'), run('microBatch'))
  const line = (name: string, runs: readonly Latency[]) => [
    name,
    ...(['visible', 'acknowledged', 'resolution'] as const).flatMap(what =>
      [0.5, 0.9, 0.99].map(share =>
        spread(
          runs.map(each => each[what](share)),
          1,
        ),
      ),
    ),
  ]
  console.log(`\n${rate.perSecond} records/s for ${rate.seconds} s, ms, ${count} runs; load ${load()}`)
  const percentiles = ['visible', 'acknowledged', 'resolution'].flatMap(what => [`${what} p50`, 'p90', 'p99'])
  console.log(
    table([
      ['', ...percentiles],
      line(
        'real-time mode',
        both.map(([a]) => a),
      ),
      line(
        'micro-batches',
        both.map(([, b]) => b),
      ),
    ]),
  )
}

function load(): string {
  return loadavg()[0]!.toFixed(1)
}
