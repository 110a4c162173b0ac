/**
 * Peak memory of `millrace dev --pace max` on the users pipeline, from start to end, with the API in another process:
 * once while the records simply pass, once while the table can take rows only one part in a hundred of the time.
 *
 *     npm run bench:memory -- [--records 2000000]
 *
 * Reads /proc, so Linux only.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { records: { type: 'string', default: '2000000' } } })
const wanted = Number(values.records)
const root = resolve(import.meta.dirname, '..')
const millrace = join(root, 'bin/millrace.js')
/** Those of its first line. */
const flags = readFileSync(millrace, 'utf8')
  .split('\n')[0]!
  .split(' ')
  .filter(word => word.startsWith('--'))

async function measure(name: string, records: number, hold: boolean): Promise<void> {
  const state = mkdtempSync(join(tmpdir(), 'millrace-memory-'))
  const api = spawn(process.execPath, [join(import.meta.dirname, 'api.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = (await once(api.stdout!, 'data')) as [Buffer]
  const env = { ...process.env, MILLRACE_STATE: state, RANDOM_USER_URL: url.toString().trim() }
  const dev = spawn(process.execPath, [...flags, millrace, 'dev', 'users', '--pace', 'max'], {
    cwd: root,
    env,
    stdio: 'ignore',
  })
  const started = performance.now()
  try {
    const passed = await pass(dev, env, state, records, hold)
    const seconds = (performance.now() - started) / 1000
    const { peak, anonymous } = memory(dev)
    const rate = Math.round(passed.rows / seconds)
    console.log(
      `${name}: peak ${peak} MB (${anonymous} MB of it not file-backed); ` +
        `${passed.records} records appended, ${passed.rows} rows, ${rate} rows/s`,
    )
  } finally {
    dev.kill('SIGINT')
    await once(dev, 'exit')
    api.kill()
    rmSync(state, { recursive: true, force: true })
  }
}

/** Waits until so many records are in the log, starting runs as they end; then reads what is in the table. */
async function pass(dev: ChildProcess, env: NodeJS.ProcessEnv, state: string, records: number, hold: boolean) {
  const cli = (...args: string[]) =>
    JSON.parse(execFileSync(process.execPath, [millrace, ...args, '--json'], { cwd: root, env, encoding: 'utf8' }))
  await delay(2_000)
  const table = new DatabaseSync(join(state, 'tables/spark_streams.db'), { timeout: 20_000 })
  const log = new DatabaseSync(join(state, 'log.db'), { readOnly: true, timeout: 20_000 })
  const appended = log.prepare(
    "SELECT sum(end_offset) AS n FROM partitions JOIN topics ON id = topic_id WHERE name = 'users_created'",
  )
  const count = table.prepare('SELECT count(*) AS n FROM created_users')
  for (;;) {
    if (dev.exitCode !== null) throw new Error('dev ended by itself')
    if (hold) {
      table.exec('BEGIN IMMEDIATE')
      await delay(990)
      table.exec('COMMIT')
      await delay(10)
    } else await delay(1_000)
    const total = (appended.get() as { n: number }).n
    if (total >= records) {
      const rows = (count.get() as { n: number }).n
      if (hold || rows >= records) return { records: total, rows }
      continue
    }
    const { runs } = cli('runs', 'user_automation', '--limit', '1') as { runs: { state: string }[] }
    if (runs[0]?.state === 'success') cli('trigger', 'user_automation')
  }
}

function memory({ pid }: ChildProcess): { peak: number; anonymous: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name: string) => Math.round(Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))![1]) / 1024)
  return { peak: read('VmHWM'), anonymous: read('RssAnon') }
}

await measure('records pass', wanted, false)
await measure('the table is 100 times slower', Math.min(wanted, 1_000_000), true)
