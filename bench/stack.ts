/**
 * Millrace against plain programs on real engines, which it starts: Kafka, a registry and Cassandra (needs Java and Maven).
 * Programs take turns, each in a process of its own; the plain one is first paired with itself.
 *
 *     npm run bench:stack -- [--users 200000] [--pairs 3]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pairs, spread, table } from './figures.ts'
import { startEngines } from './stack/engines.ts'
import { type ProgramName, startProgram } from './stack/programs.ts'
import { Rows } from './stack/rows.ts'
import { fill, openSetting, rewind } from './stack/setting.ts'
import { measureThroughput, type Throughput } from './stack/throughput.ts'

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '200000' },
    pairs: { type: 'string', default: '3' },
  },
})
const users = Number(values.users)
const count = Number(values.pairs)

const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const engines = await startEngines(directory)
process.env.BENCH_TARGET = JSON.stringify(engines.target)
const setting = await openSetting(join(directory, 'setting'))
const rows = new Rows(engines.contactPoint)
try {
  const cpu = cpus()
  console.log(`${cpu.length} × ${cpu[0]?.model}, Node ${process.version}; median (least–most)`)
  const ends = await fill(setting, ['avro', 'json'], users)
  const programs = { engines, setting, directory }
  const run = (name: ProgramName) => async () => {
    if (name === 'millrace') await rewind(setting)
    return measureThroughput(name, () => startProgram(name, programs, users), rows, users, ends)
  }

  const header = ['', 'rows/s', 'ratio', 'µs CPU a row', 'peak MB']
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
    spread(
      own.map(each => each.peakMegabytes),
      0,
    ),
  ]
  const compare = async (name: ProgramName, other: ProgramName) => {
    const both = await pairs(count, run(name), run(other))
    const ratios = both.map(([a, b]) => a.rowsPerSecond / b.rowsPerSecond)
    console.log(`\n${name} and ${other}, ${count} pairs of ${users.toLocaleString('en')} users`)
    console.log(
      table([
        header,
        line(
          name,
          both.map(([a]) => a),
          ratios,
        ),
        line(
          other,
          both.map(([, b]) => b),
          ratios.map(() => 1),
        ),
      ]),
    )
  }
  await compare('kafkajs', 'kafkajs')
  await compare('millrace', 'kafkajs')
  await compare('millrace', 'platformatic')
} finally {
  await rows.close()
  await setting.close()
  await engines.stop()
  rmSync(directory, { recursive: true, force: true })
}
