/**
 * Millrace against plain programs on real engines, which it starts: Kafka, a registry and Cassandra (needs Java and Maven).
 * Programs take turns, each in a process of its own; the plain one is first paired with itself.
 *
 *     npm run bench:stack -- [--users 200000] [--pairs 3]
 */
import { parseArgs } from 'node:util'
import { type Column, comparison, pairs } from './figures.ts'
import { machine, withEngines } from './stack/bench.ts'
import { type ProgramName, startProgram } from './stack/programs.ts'
import { fill, rewind } from './stack/setting.ts'
import { measureThroughput, type Throughput, throughputColumns } from './stack/throughput.ts'

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '200000' },
    pairs: { type: 'string', default: '3' },
  },
})
const users = Number(values.users)
const count = Number(values.pairs)
const columns: readonly Column<Throughput>[] = [
  ...throughputColumns,
  { title: 'peak MiB', of: run => run.peakMebibytes, digits: 0 },
]

await withEngines(async bench => {
  const { setting, rows } = bench
  console.log(machine())
  const last = await fill(setting, ['avro', 'json'], users)
  const run = (name: ProgramName) => async () => {
    if (name === 'millrace') await rewind(setting)
    return measureThroughput(name, () => startProgram(name, bench, users), rows, users, last)
  }
  const compare = async (name: ProgramName, other: ProgramName) => {
    const both = await pairs(count, run(name), run(other))
    console.log(`\n${name} and ${other}, ${count} pairs of ${users.toLocaleString('en')} users`)
    console.log(comparison([name, other], both, columns))
  }
  await compare('kafkajs', 'kafkajs')
  await compare('millrace', 'kafkajs')
  await compare('millrace', 'platformatic')
})
