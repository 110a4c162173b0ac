/**
 * What Airflow on PostgreSQL takes, as `millrace stack up airflow` starts it, with no DAGs: the time until it is healthy with
 * new data and with existing data, memory, CPU while nothing is to be done, and the time to stop.
 *
 *     npm run bench:airflow -- [--starts 3] [--idle 30]
 *
 * Reads /proc, so Linux only. Memory is that of all processes together: RSS counts what they share for each, PSS once.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { findStarted } from '../src/stack/process.ts'
import { readStack } from '../src/stack/record.ts'

const { values } = parseArgs({
  options: { starts: { type: 'string', default: '3' }, idle: { type: 'string', default: '30' } },
})

/** After a start, in milliseconds: the DAG processor looks at its folder for the first time. */
const settleMs = 5_000

async function measure(idleMs: number): Promise<string> {
  const state = mkdtempSync(join(tmpdir(), 'millrace-airflow-'))
  const directory = join(state, 'stack')
  try {
    const first = stack(state, 'up', 'airflow', '--native', '--free-ports')
    await delay(settleMs)
    const before = usage(processes(directory))
    await delay(idleMs)
    const after = usage(processes(directory))
    const stopped = stack(state, 'down')
    const again = stack(state, 'up', 'airflow', '--native', '--free-ports')
    const idle = ((after.cpuMs - before.cpuMs) / idleMs) * 100
    return (
      `healthy after ${first} s with new data, ${again} s with existing data; RSS ${after.rss} MiB, PSS ${after.pss} MiB; ` +
      `idle ${idle.toFixed(1)} % of a core; stopped after ${stopped} s`
    )
  } finally {
    stack(state, 'down')
    rmSync(state, { recursive: true, force: true })
  }
}

/** How long the command took, in seconds. */
function stack(state: string, ...args: readonly string[]): string {
  const begun = performance.now()
  const command = [join(import.meta.dirname, '../bin/millrace.js'), 'stack', ...args, '--state', state]
  execFileSync(process.execPath, command, { stdio: 'ignore' })
  return ((performance.now() - begun) / 1000).toFixed(1)
}

/** Every process of the two engines. Those of PostgreSQL overwrite their environment, but have one parent. */
function processes(directory: string): readonly string[] {
  const { airflow, postgres } = readStack(directory).engines
  const server = String(postgres!.services[0]!.pid)
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const backends = pids.filter(pid => read(pid, 'status').includes(`\nPPid:\t${server}\n`))
  return [server, ...backends, ...findStarted(airflow!.services[0]!.token).map(String)]
}

function usage(pids: readonly string[]) {
  const mebibytes = (file: string, name: string) => {
    const kilobytes = pids.map(pid => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(read(pid, file))?.[1] ?? 0))
    return Math.round(kilobytes.reduce((sum, each) => sum + each, 0) / 1024)
  }
  return { rss: mebibytes('status', 'VmRSS'), pss: mebibytes('smaps_rollup', 'Pss'), cpuMs: cpuMs(pids) }
}

/** User and system time, which the kernel counts in hundredths of a second. */
function cpuMs(pids: readonly string[]): number {
  const ticks = pids.map(pid => {
    const stat = read(pid, 'stat')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  })
  return ticks.reduce((sum, each) => sum + each, 0) * 10
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}

for (let start = 1; start <= Number(values.starts); start++) {
  console.log(`${start}: ${await measure(Number(values.idle) * 1000)}`)
}
