/**
 * Ratios against a bare program that does the same job, in the same run, pair by pair, because the machine's speed drifts.
 * The baseline is first paired with itself: how far that is from 1 is how far a ratio can be trusted.
 *
 *     npm run bench -- [--users 300000] [--pairs 5]
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median, pairs, spread } from './figures.ts'
import { type IdOrder, writePages } from './pages.ts'

interface Result {
  readonly rows: number
  readonly ms: number
  readonly steps?: { readonly [step: string]: number }
}

const { values } = parseArgs({
  options: { users: { type: 'string', default: '300000' }, pairs: { type: 'string', default: '5' } },
})
const users = Number(values.users)
const count = Number(values.pairs)
const pageSize = 5_000
const work = mkdtempSync(join(tmpdir(), 'millrace-bench-'))

function run(program: 'ours.ts' | 'baselines/bare.ts', pagesPath: string): Result {
  const directory = join(work, 'state')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  const output = execFileSync(process.execPath, [join(import.meta.dirname, program), directory, pagesPath], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const result = JSON.parse(output) as Result
  if (result.rows !== users) throw new Error(`${program} stored ${result.rows} rows of ${users}.`)
  return result
}

const rate = ({ ms }: Result) => (users / ms) * 1000
try {
  const cpu = cpus()
  console.log(
    `${users} users, ${count} pairs, ${cpu.length} × ${cpu[0]?.model}, Node ${process.version}; median (least–most)`,
  )
  for (const ids of ['random', 'time'] satisfies IdOrder[]) {
    const pagesPath = join(work, `${ids}.json`)
    writeFileSync(pagesPath, JSON.stringify(writePages(join(work, `${ids}.pages`), users, pageSize, ids)))
    console.log(`\nEnd to end, ${ids === 'random' ? 'random' : 'time-ordered'} ids`)
    const bare = async () => run('baselines/bare.ts', pagesPath)
    const same = await pairs(count, bare, bare)
    console.log(
      `  bare / bare      ${spread(
        same.map(([a, b]) => rate(a) / rate(b)),
        2,
      )}`,
    )
    const ours = await pairs(count, async () => run('ours.ts', pagesPath), bare)
    console.log(
      `  millrace / bare  ${spread(
        ours.map(([a, b]) => rate(a) / rate(b)),
        2,
      )}`,
    )
    console.log(
      `  bare rows/s      ${spread(
        ours.map(([, b]) => rate(b)),
        0,
      )}`,
    )
    console.log(
      `  millrace rows/s  ${spread(
        ours.map(([a]) => rate(a)),
        0,
      )}`,
    )
    console.log('  µs per record by step')
    for (const step of Object.keys(ours[0]![0].steps!)) {
      const times = ours.map(([a]) => a.steps![step]!)
      if (median(times) >= 0.005) console.log(`    ${step.padEnd(18)} ${spread(times, 2)}`)
    }
    rmSync(join(work, `${ids}.pages`))
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}
