/**
 * From when a record was due to be sent to when its row can be read, at a fixed rate, on real engines that it starts (needs
 * Java and Maven): `millrace run` as it is, and a plain program. They take turns; the plain one is first paired with itself.
 *
 *     npm run bench:latency -- [--rate 1000] [--seconds 30] [--pairs 3]
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pairs, spread, table } from './figures.ts'
import { type Latency, measureLatency, type Subject, usersOf } from './latency/measure.ts'
import { startEngines } from './stack/engines.ts'
import { type ProgramName, startProgram } from './stack/programs.ts'
import { Rows } from './stack/rows.ts'
import { openSetting } from './stack/setting.ts'

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
    pairs: { type: 'string', default: '3' },
  },
})
const load = { perSecond: Number(values.rate), seconds: Number(values.seconds) }
const count = Number(values.pairs)

const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const engines = await startEngines(directory)
process.env.BENCH_TARGET = JSON.stringify(engines.target)
const setting = await openSetting(join(directory, 'setting'))
const rows = new Rows(engines.contactPoint)
try {
  const cpu = cpus()
  console.log(
    `${load.perSecond} records/s for ${load.seconds} s, ${cpu.length} × ${cpu[0]?.model}, Node ${process.version}; ` +
      `ms, median (least–most) of ${count} runs. By the resolution, what is visible may be less.`,
  )
  const programs = { engines, setting, directory }
  let first = 0
  const run = (name: ProgramName) => async () => {
    const from = first
    first += usersOf(load)
    return measureLatency(await subject(name), rows, { ...load, first: from })
  }
  const subject = async (name: ProgramName): Promise<Subject> => {
    const { avro, json } = setting.topics
    if (name === 'millrace') {
      const start = () => startProgram(name, programs)
      return { name, engines, topic: avro.name, schemaId: setting.schemaId, start }
    }
    // The plain program begins with the start of its topic, so that is a new one.
    const own = { ...json, name: `${json.name}_${randomUUID()}` }
    await setting.log.admin.createTopic(own)
    const start = () =>
      startProgram(name, { ...programs, setting: { ...setting, topics: { ...setting.topics, json: own } } })
    return { name, engines, topic: own.name, schemaId: null, start }
  }

  const header = ['', 'visible p50', 'p90', 'p99', 'acknowledged p50', 'p99', 'resolution p50', 'p99']
  const line = (name: string, runs: readonly Latency[]) => [
    name,
    ...[0.5, 0.9, 0.99].map(share =>
      spread(
        runs.map(({ visible }) => visible(share)),
        1,
      ),
    ),
    ...[0.5, 0.99].map(share =>
      spread(
        runs.map(({ acknowledged }) => acknowledged(share)),
        1,
      ),
    ),
    ...[0.5, 0.99].map(share =>
      spread(
        runs.map(({ resolution }) => resolution(share)),
        1,
      ),
    ),
  ]
  const compare = async (name: ProgramName, other: ProgramName) => {
    const both = await pairs(count, run(name), run(other))
    const load = loadavg()[0]!.toFixed(1)
    console.log(`\n${name} and ${other}; load of the machine ${load}`)
    const lines = [
      line(
        name,
        both.map(([a]) => a),
      ),
      line(
        other,
        both.map(([, b]) => b),
      ),
    ]
    console.log(table([header, ...lines]))
  }
  await compare('kafkajs', 'kafkajs')
  await compare('millrace', 'kafkajs')
} finally {
  await rows.close()
  await setting.close()
  await engines.stop()
  rmSync(directory, { recursive: true, force: true })
}
