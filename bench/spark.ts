/**
 * Stages on Spark against spark-cassandra-connector on the newest Spark it runs on, from Kafka to Cassandra, and how long a
 * record takes at a fixed rate; on real engines that it starts (needs Java and Maven). Each run is a Spark of its own, with
 * its start left out. Programs take turns, and the connector is first paired with itself.
 *
 *     npm run bench:spark -- [throughput] [latency] [--users 300000] [--pairs 3] [--rate 1000] [--seconds 30]
 */
import { randomUUID } from 'node:crypto'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { comparison, pairs } from './figures.ts'
import { latencyColumns, measureLatency, usersOf } from './latency/measure.ts'
import { prepareJars } from './spark/jars.ts'
import { type SparkProgram, startSpark, type Trigger } from './spark/programs.ts'
import { type Bench, machine, withEngines } from './stack/bench.ts'
import { fill } from './stack/setting.ts'
import { measureThroughput, throughputColumns } from './stack/throughput.ts'

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
await withEngines(async bench => {
  console.log(machine())
  if (parts.includes('throughput')) await throughput(bench, Number(values.users))
  if (parts.includes('latency')) {
    await latency(bench, { perSecond: Number(values.rate), seconds: Number(values.seconds) })
  }
})

async function throughput(bench: Bench, users: number): Promise<void> {
  const { setting, rows } = bench
  const last = await fill(setting, ['avro', 'json'], users)
  const run = (name: SparkProgram) => () => {
    const topic = setting.topics[name === 'stage' ? 'avro' : 'json']
    return measureThroughput(name, () => startSpark(name, jars, bench, topic, 'availableNow'), rows, users, last)
  }
  for (const name of ['connector', 'sink', 'stage'] as const) {
    const both = await pairs(count, run(name), run('connector'))
    console.log(`\n${name} and connector, ${count} pairs of ${users.toLocaleString('en')} users; load ${load()}`)
    console.log(comparison([name, 'connector'], both, throughputColumns))
  }
}

async function latency(bench: Bench, rate: { readonly perSecond: number; readonly seconds: number }): Promise<void> {
  const { engines, setting, rows } = bench
  let first = 0
  const run = (trigger: Trigger) => async () => {
    const from = first
    first += usersOf(rate)
    const { avro } = setting.topics
    const topic = { ...avro, name: `${avro.name}_${randomUUID()}` }
    await setting.log.admin.createTopic(topic)
    const start = () => startSpark('stage', jars, bench, topic, trigger)
    const subject = { name: trigger, engines, topic: topic.name, schemaId: setting.schemaId, start }
    return measureLatency(subject, rows, { ...rate, first: from })
  }
  // The first run finds engines that have just started, and is not counted.
  await run('microBatch')()
  const both = await pairs(count, run('realTime'), run('microBatch'))
  console.log(`\n${rate.perSecond} records/s for ${rate.seconds} s, ms, ${count} runs; load ${load()}`)
  console.log(comparison(['real-time mode', 'micro-batches'], both, latencyColumns))
}

function load(): string {
  return loadavg()[0]!.toFixed(1)
}
