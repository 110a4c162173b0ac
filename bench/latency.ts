/**
 * From when a record was due to be sent to when its row can be read, at a fixed rate, on real engines that it starts (needs
 * Java and Maven): `millrace run` as it is, and a plain program. They take turns; the plain one is first paired with itself.
 *
 *     npm run bench:latency -- [--rate 1000] [--seconds 30] [--pairs 3]
 */
import { randomUUID } from 'node:crypto'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { comparison, pairs } from './figures.ts'
import { isCalm, latencyColumns, measureLatency, type Subject, usersOf } from './latency/measure.ts'
import { machine, withEngines } from './stack/bench.ts'
import { type ProgramName, startProgram } from './stack/programs.ts'

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
    pairs: { type: 'string', default: '3' },
  },
})
const load = { perSecond: Number(values.rate), seconds: Number(values.seconds) }
const count = Number(values.pairs)

await withEngines(async bench => {
  const { engines, setting, rows } = bench
  console.log(
    `${load.perSecond} records/s for ${load.seconds} s, ${machine()} of ${count} runs, in ms. ` +
      'By the resolution, what is visible may be less.',
  )
  let first = 0
  const run = (name: ProgramName) => async () => {
    const from = first
    first += usersOf(load)
    return measureLatency(await subject(name), rows, { ...load, first: from })
  }
  const subject = async (name: ProgramName): Promise<Subject> => {
    const { avro, json } = setting.topics
    if (name === 'millrace') {
      const start = () => startProgram(name, bench)
      return { name, engines, topic: avro.name, schemaId: setting.schemaId, start }
    }
    // The plain program begins with the start of its topic, so that is a new one.
    const own = { ...json, name: `${json.name}_${randomUUID()}` }
    await setting.log.admin.createTopic(own)
    const start = () =>
      startProgram(name, { ...bench, setting: { ...setting, topics: { ...setting.topics, json: own } } })
    return { name, engines, topic: own.name, schemaId: null, start }
  }
  const compare = async (name: ProgramName, other: ProgramName) => {
    const both = await pairs(count, run(name), run(other))
    console.log(`\n${name} and ${other}; load of the machine ${loadavg()[0]!.toFixed(1)}`)
    console.log(comparison([name, other], both, latencyColumns))
    const calm = both.filter(pair => pair.every(isCalm))
    console.log(`\nof them on a calm machine: ${calm.length} of ${count}`)
    if (calm.length > 0) console.log(comparison([name, other], calm, latencyColumns))
  }
  // The first run finds engines that have just started, and is not counted.
  await run('kafkajs')()
  await compare('kafkajs', 'kafkajs')
  await compare('millrace', 'kafkajs')
})
